"""Fetches, installs and runs the user's entry point."""

from __future__ import annotations

import logging
import os
import sys

from berth_compat import files as _files
from sagemaker_training import (
    _entry_point_type,
    environment,
    errors,
    modules,
    process,
    runner,
)

logger = logging.getLogger(__name__)


def run(
    uri,
    user_entry_point,
    args,
    env_vars=None,
    wait=True,
    capture_error=False,
    runner_type=runner.ProcessRunnerType,
    extra_opts=None,
):
    """Runs the user's entry point and returns its subprocess.Popen.

    `uri` is where the code is (s3://…, a directory, a .tar.gz, a file); it is put into code/
    unless that holds something. A package is run as `python -m NAME`, NAME.py as `python NAME.py`,
    anything else as `./NAME`; `args` reach it through no shell. `env_vars` are set for this
    process, too.

    `wait`: returns after it has ended well, and raises ExecuteUserScriptError where it has not;
    with `capture_error` the error has what the script said. `runner_type`: a RunnerType or a
    process.ProcessRunner. `extra_opts`: hyperparameters of the launcher that go before the job's
    ("sagemaker_mpi_num_of_processes_per_host" …).

    Raises ClientError, InstallModuleError and InstallRequirementsError for what goes wrong before.
    In a job of several hosts the others are told then.
    """
    env_vars = dict(env_vars or {})
    told = runner._launch(runner_type, extra_opts)
    _files.fetch(uri, environment.code_dir, errors.ClientError, **told)
    _install(user_entry_point, environment.code_dir, capture_error, told)
    environment.write_env_vars(env_vars)
    chosen = runner.get(runner_type, user_entry_point, args, env_vars, extra_opts)
    return chosen.run(wait=wait, capture_error=capture_error)


def install(name, path=environment.code_dir, capture_error=False):
    """Makes the entry point ready: adds `path` to sys.path, installs a package or what a script
    requires, makes a program executable. ClientError where the name cannot be one."""
    _install(name, path, capture_error, {})


def _install(name, path, capture_error, told):
    if path not in sys.path:
        sys.path.insert(0, path)
    process.validate_entry_point(name)
    kind = _entry_point_type.get(path, name)
    if kind is _entry_point_type.PYTHON_PACKAGE:
        logger.info("Installing module.")
        modules._install(path, "package", capture_error, **told)
    elif kind is _entry_point_type.PYTHON_PROGRAM and modules.has_requirements(path):
        logger.info("Installing dependencies from requirements.txt")
        modules._install(path, "requirements", capture_error, **told)
    elif kind is _entry_point_type.COMMAND:
        _make_executable(_entry_point_path(path, name))


def _entry_point_path(path, name):
    """The file itself. ClientError where it is not inside of `path`."""
    code = os.path.realpath(path)
    target = os.path.realpath(os.path.join(code, name))
    if os.path.commonpath([code, target]) != code:
        raise errors.ClientError(
            "The training entry point %r resolves to a location outside your source "
            "directory. Set the 'sagemaker_program' hyperparameter (or ContainerEntrypoint) "
            "to a path inside that directory -- for example 'train.py' or 'bin/train.sh'." % name
        )
    return target


def _make_executable(path):
    mode = os.stat(path).st_mode
    if mode & 0o111 != 0o111:
        os.chmod(path, mode & 0o7777 | 0o111)
