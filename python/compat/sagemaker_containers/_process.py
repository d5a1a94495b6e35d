"""Runs commands and entry points under berth, which supervises them: output is passed through as it
comes, signals are passed on, nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import sys

from berth_compat import native
from berth_compat.native import python_executable  # noqa: F401
from sagemaker_containers import _entry_point_type, _env, _errors, _logging, _params


def _raise_for(result, error_class, capture_error):
    """Raises what a failed request means; nothing for one that went well."""
    if result.type is None:
        return
    if result.type == "ClientError":
        raise _errors.ClientError(result.message)
    if result.type.startswith("Install"):
        error_class = _errors.InstallModuleError
    said = result.error_tail or os.fsencode(result.message)
    raise error_class(
        return_code=result.code, cmd=result.command, output=said if capture_error else None
    )


@contextlib.contextmanager
def _starting(error_class):
    """What keeps a process from starting is an error_class of it."""
    try:
        yield
    except Exception as e:
        raise error_class(e).with_traceback(e.__traceback__)


def _start(members, capture_error, **options):
    import subprocess

    return native.start(members, stderr=subprocess.PIPE if capture_error else None, **options)


def create(cmd, error_class, cwd=None, capture_error=False, **kwargs):
    """Starts a command and returns its subprocess.Popen, whose stderr is a pipe where
    `capture_error`. `cwd`: else code/; `kwargs` are Popen's. error_class where it cannot start."""
    with _starting(error_class):
        members = native.command(cmd, cwd or _env.code_dir, kwargs)
        return _start(members, capture_error, **kwargs)


def check_error(cmd, error_class, capture_error=False, **kwargs):
    """Runs a command to its end and returns its subprocess.Popen.

    Where it cannot start or fails, raises error_class, with the end of its stderr where
    `capture_error`.
    """
    with _starting(error_class):
        members = native.command(cmd, kwargs.pop("cwd", None) or _env.code_dir, kwargs)
    result, process = native.run(members, **kwargs)
    _raise_for(result, error_class, capture_error)
    return process


_SETTINGS = (
    _params.MPI_PROCESSES_PER_HOST,
    _params.MPI_NUM_PROCESSES,
    _params.MPI_CUSTOM_OPTIONS,
)


def _settings_of(options):
    """Those of a runner's options that are a launcher's, and that say something."""
    return {name: options[name] for name in _SETTINGS if options.get(name)}


class ProcessRunner(object):
    """Runs the user's entry point as one process on this host.

    A class of yours may have its own _setup(), _create_command() (argv), _python_command() and
    _tear_down(); a command of its own is run as it is, without a launcher.
    """

    # berth's name of the launcher.
    _runner = "process"
    # Hyperparameters that go before the job's; None: what the constructor was given.
    _settings = None

    def __init__(self, user_entry_point, args, env_vars):
        self._user_entry_point = user_entry_point
        self._args = args
        self._env_vars = env_vars

    def _create_command(self):
        kind = _entry_point_type.get(_env.code_dir, self._user_entry_point)
        name = self._user_entry_point
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
        return {}

    def _request(self, command):
        made_by = type(self)
        if (
            made_by._create_command is not ProcessRunner._create_command
            or made_by._python_command is not ProcessRunner._python_command
        ):
            return native.command(command, _env.code_dir, {})
        return native.request(
            runner=self._runner,
            extra=_settings_of(
                self._own_settings() if self._settings is None else self._settings
            ),
            user_entry_point=self._user_entry_point,
            arguments=native.words(self._args),
            code_directory=os.path.abspath(_env.code_dir),
        )

    def run(self, wait=True, capture_error=False):
        """Runs it and returns its subprocess.Popen: at once where not `wait`, else when it has
        ended well. Raises ExecuteUserScriptError, with the end of its stderr where
        `capture_error`."""
        self._setup()
        command = self._create_command()
        _logging.log_script_invocation(command, self._env_vars)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()  # what was printed before comes before
        error_class = _errors.ExecuteUserScriptError
        if wait:
            result, process = native.run(self._request(command))
            _raise_for(result, error_class, capture_error)
        else:
            with _starting(error_class):
                process = _start(self._request(command), capture_error)
        self._tear_down()
        return process
