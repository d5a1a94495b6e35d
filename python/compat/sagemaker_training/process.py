"""Runs commands and entry points under berth, which supervises them: output is passed through as it
comes, signals are passed on, nothing is left behind."""

from __future__ import annotations

import os
import re
import sys

from berth_compat import native
from berth_compat.native import python_executable  # noqa: F401
from sagemaker_training import (
    SM_TRAINING_COMPILER_PATHS,
    _entry_point_type,
    _MPI_ERRORS_,
    _PYTHON_ERRORS_,
    environment,
    errors,
    logging_config,
    params,
)

logger = logging_config.get_logger()

DEFAULT_ERROR_CLASS = errors.ExecuteUserScriptError

_BUFFER = 64 * 1024
_KILLED = "was killed by signal 9", "berth was killed"
_NAME = re.compile(r"^[A-Za-z0-9._][A-Za-z0-9._+-]*(/[A-Za-z0-9._+-]+)*$")
_CHARACTER = re.compile(r"[A-Za-z0-9._+/-]")


def validate_entry_point(user_entry_point):
    """The name, where it is a plain path below the code directory. ClientError where it is none:
    letters, digits and . _ + - / are allowed, no leading - or /, no . or .. between slashes."""
    name = user_entry_point
    if not name:
        raise errors.ClientError(
            "The training entry point name is empty. Set the 'sagemaker_program' "
            "hyperparameter (or ContainerEntrypoint) to the name of the script to run, "
            "relative to your source directory -- for example 'train.py' or 'train.sh'."
        )
    if not _NAME.match(name):
        odd = sorted({c for c in name if not _CHARACTER.match(c)})
        if odd:
            detail = "the character(s) %s" % ", ".join(repr(c) for c in odd)
        elif name.startswith("-"):
            detail = "a leading '-', which is read as a command-line option"
        elif name.startswith("/"):
            detail = "a leading '/', which makes it an absolute path"
        else:
            detail = "an unsupported character at the start of the name"
        raise errors.ClientError(
            "The training entry point %r cannot be used because it contains %s. "
            "Rename the script so its name contains only letters, digits, '.', '_', "
            "'+', '-' and '/', and does not start with '-' or '/', then set the "
            "'sagemaker_program' hyperparameter (or ContainerEntrypoint) to the new name "
            "-- for example 'train.py' or 'bin/train.sh'." % (name, detail)
        )
    if any(part in (".", "..") for part in name.split("/")):
        raise errors.ClientError(
            "The training entry point %r cannot be used because it contains '.' or '..' "
            "path segments. The entry point must be a path inside your source directory. "
            "Set the 'sagemaker_program' hyperparameter (or ContainerEntrypoint) to a "
            "path relative to that directory -- for example 'train.py' or 'bin/train.sh'." % name
        )
    return name


def _is_installed(module):
    """Whether Python would find the module; what it is in is imported, it is not."""
    import importlib.util

    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def _exception_names(package, module):
    """The names of the classes in package.module; none where it is not installed."""
    import importlib
    import inspect

    try:
        found = importlib.import_module("%s.%s" % (package, module))
    except Exception:  # whatever an import of somebody else's package raises
        return []
    return [name for name, value in inspect.getmembers(found) if inspect.isclass(value)]


def get_debugger_exception_classes():
    """The names of SageMaker Debugger's exceptions, where it is installed and not switched off
    (USE_SMDEBUG=0); else the one class that every failure has."""
    if os.environ.get("USE_SMDEBUG") == "0":
        return [DEFAULT_ERROR_CLASS]
    return _exception_names("smdebug", "exceptions") or [DEFAULT_ERROR_CLASS]


def get_tensorflow_exception_classes():
    """The names of TensorFlow's exceptions, where it is installed. Imports TensorFlow."""
    found = _exception_names("tensorflow.python.framework", "errors_impl")
    return found + ["XlaRuntimeError"] if found else [DEFAULT_ERROR_CLASS]


def process_error_classes(error_classes):
    """Classes and names, one or a list, as a list of names."""
    if not error_classes:
        return []
    if not isinstance(error_classes, list):
        error_classes = [error_classes]
    return [c.__name__ if isinstance(c, type) else c for c in error_classes]


def _raise_for(result, error_classes, capture_error):
    """Raises what a failed request means; nothing for one that went well.

    `error_classes`: classes and names, or a function that finds them by what the script said. The
    first that occurs in it names the class of the error, as far as `capture_error` lets it be seen.
    """
    if result.type is None:
        return
    if result.type == "ClientError":
        raise errors.ClientError(result.message)
    said = result.message if capture_error else None
    details = {
        "cmd": result.command,
        "return_code": result.code,
        "output": said,
        "info": _extra_information(result, said or ""),
    }
    if result.type in ("InstallModuleError", "InstallRequirementsError"):
        raise getattr(errors, result.type)(**details)
    if callable(error_classes) and not isinstance(error_classes, type):
        error_classes = error_classes(said or "")
    raise _error_of(process_error_classes(error_classes), said, details)


def _extra_information(result, said):
    if any(path in said for path in SM_TRAINING_COMPILER_PATHS):
        return "SMTrainingCompiler Error: Error occurred in SMTrainingCompiler."
    # 137 is also how berth tells of any other SIGKILL.
    first = result.message.partition("\n")[0]
    if result.code == 137 and not any(killed in first for killed in _KILLED):
        return "OutOfMemory: Process killed by SIGKILL (signal 9)"
    return None


def _error_of(names, said, details):
    own = next((getattr(errors, name) for name in names if hasattr(errors, name)), None)
    if own not in (None, DEFAULT_ERROR_CLASS):
        return own(**details)
    seen = next((name for name in names if name in said), None) if said else None
    if seen == "SMTrainingCompilerConfigurationError":
        return errors.SMTrainingCompilerConfigurationError(said)
    if seen and seen != DEFAULT_ERROR_CLASS.__name__:
        return type(seen, (errors._CalledProcessError,), {})(**details)
    return DEFAULT_ERROR_CLASS(**details)


def _command(cmd, cwd, options):
    """ExecuteUserScriptError where there is no such program or folder, or no command at all."""
    try:
        if options.get("shell"):
            raise ValueError("shell must be False")
        return native.command(cmd, cwd or environment.code_dir, options)
    except Exception as e:
        raise DEFAULT_ERROR_CLASS(e).with_traceback(e.__traceback__)


def create(
    cmd,
    error_classes,
    processes_per_host,
    cwd=None,
    env=None,
    capture_error=False,
    **kwargs,
):
    """Runs a command to its end: (exit code, [what it said of its failure], subprocess.Popen).

    `cwd`: else code/; `kwargs` are Popen's. Raises nothing for a command that fails;
    ExecuteUserScriptError for one that cannot start.
    """
    kwargs["env"] = env
    result, process = native.run(_command(cmd, cwd, kwargs), **kwargs)
    return result.code, [result.message] if capture_error else [""], process


def check_error(cmd, error_classes, processes_per_host, cwd=None, capture_error=True, **kwargs):
    """Runs a command to its end and returns its subprocess.Popen. Where it fails, raises the error
    that _raise_for() chooses; ExecuteUserScriptError where it cannot start."""
    result, process = native.run(_command(cmd, cwd, kwargs), **kwargs)
    _raise_for(result, error_classes, capture_error)
    return process


async def watch(stream, proc_per_host, error_classes=None):
    """Prints the lines of an asyncio stream, those of mpirun's ranks with rank and host; returns
    those from the first that names an error on, each once."""
    marks = _PYTHON_ERRORS_ + _MPI_ERRORS_ + process_error_classes(error_classes)
    kept = []
    while stream is not None:
        data = await stream.read(_BUFFER)
        if not data:
            break
        for line in data.decode("utf-8", "replace").strip().split("\n"):
            print(_with_rank(line, proc_per_host))
            bare = re.sub(r"\[\d+,\d+\]<std(out|err)>", "", line).strip(" :\n") + "\n"
            if (kept or any(mark in bare for mark in marks)) and bare not in kept:
                kept.append(bare)
    return " ".join(kept)


def _with_rank(line, per_host):
    def labelled(match):
        job, rank, stream = match.groups()
        return "[%s,mpirank:%s,algo-%d]<%s>" % (job, rank, int(rank) // per_host + 1, stream)

    return re.sub(r"\[(\d+),(\d+)\]<(stdout|stderr)>", labelled, line)


async def run_async(cmd, processes_per_host, env, cwd, stderr, error_classes=None, **kwargs):
    """Runs a command under asyncio: (exit code, [what watch() kept of its two streams], process).

    Kept for code that calls it: no entry point is run by it, and nothing supervises the command.
    """
    import asyncio

    process = await asyncio.create_subprocess_exec(
        *cmd, env=env, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=stderr, **kwargs
    )
    kept = await asyncio.gather(
        watch(process.stdout, processes_per_host, error_classes),
        watch(process.stderr, processes_per_host, error_classes),
    )
    return await process.wait(), kept, process


class ProcessRunner(object):
    """Runs the user's entry point as one process on this host.

    A class of yours may have its own _setup(), _create_command() (argv), _python_command() and
    _tear_down(); a command of its own is run as it is, without a launcher.
    """

    # berth's name of the launcher.
    _runner = "process"
    # Hyperparameters that go before the job's; None: what the constructor was given.
    _settings = None

    def __init__(self, user_entry_point, args, env_vars, processes_per_host):
        self._user_entry_point = user_entry_point
        self._args = args
        self._env_vars = env_vars
        self._processes_per_host = processes_per_host

    def _create_command(self):
        kind = _entry_point_type.get(environment.code_dir, self._user_entry_point)
        name = validate_entry_point(self._user_entry_point)
        if kind is _entry_point_type.PYTHON_PACKAGE:
            module = name[:-3] if name.endswith(".py") else name
            return self._python_command() + ["-m", module.replace("/", ".")] + self._args
        if kind is _entry_point_type.PYTHON_PROGRAM:
            return self._python_command() + [name] + self._args
        return ["./" + name] + self._args

    def _python_command(self):
        return [python_executable()]

    def _setup(self):
        pass

    def _tear_down(self):
        pass

    def _own_settings(self):
        return {params.MPI_PROCESSES_PER_HOST: self._processes_per_host}

    def _exception_classes(self, said):
        found = get_debugger_exception_classes() if "smdebug" in said else []
        if "tensorflow" in said or "XlaRuntimeError" in said:
            found = found + get_tensorflow_exception_classes()
        return found

    def _request(self, command):
        made_by = type(self)
        if (
            made_by._create_command is not ProcessRunner._create_command
            or made_by._python_command is not ProcessRunner._python_command
        ):
            return _command(command, None, {})
        return native.request(
            runner=self._runner,
            extra=_settings_of(
                self._own_settings() if self._settings is None else self._settings
            ),
            user_entry_point=self._user_entry_point,
            arguments=native.words(self._args),
            code_directory=os.path.abspath(environment.code_dir),
        )

    def run(self, wait=True, capture_error=False):
        """Runs it and returns its subprocess.Popen: at once where not `wait`, else when it has
        ended well. Raises ExecuteUserScriptError, with what the script said where
        `capture_error`."""
        self._setup()
        command = self._create_command()
        logging_config.log_script_invocation(command, self._env_vars)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()  # what was printed before comes before
        if wait:
            result, process = native.run(self._request(command))
            _raise_for(result, self._exception_classes, capture_error)
        else:
            process = native.start(self._request(command))
        self._tear_down()
        return process


_SETTINGS = (
    params.MPI_PROCESSES_PER_HOST,
    params.MPI_NUM_PROCESSES,
    params.MPI_CUSTOM_OPTIONS,
    params.SMDATAPARALLEL_CUSTOM_MPI_OPTIONS,
)


def _settings_of(options):
    """Those of a runner's options that are a launcher's, and that say something."""
    return {name: options[name] for name in _SETTINGS if options.get(name)}
