"""Fetches, installs and runs the user's entry point."""

from __future__ import annotations

import os
import sys

from berth_compat import files as _common
from sagemaker_containers import _entry_point_type, _env, _errors, _modules, _runner


def run(
    uri,
    user_entry_point,
    args,
    env_vars=None,
    wait=True,
    capture_error=False,
    runner=_runner.ProcessRunnerType,
    extra_opts=None,
):
    """Runs the user's entry point and returns its subprocess.Popen.

    `uri` is where the code is (s3://…, a directory, a .tar.gz, a file); it is put into code/
    unless that holds something. A package is run as `python -m NAME`, NAME.py as `python NAME.py`,
    anything else as `./NAME`; `args` reach it through no shell. `env_vars` are set for this
    process, too.

    `wait`: returns after it has ended well, and raises ExecuteUserScriptError where it has not;
    with `capture_error` the error has the end of its stderr. `runner`: a RunnerType or a
    process.ProcessRunner. `extra_opts`: hyperparameters of the launcher that go before the job's
    ("sagemaker_mpi_num_of_processes_per_host" …).

    Raises ClientError and InstallModuleError for what goes wrong before. In a job of several hosts
    the others are told then.
    """
    env_vars = dict(env_vars or {})
    told = _runner._launch(runner, extra_opts)
    _common.fetch(uri, _env.code_dir, _errors.ClientError, **told)
    _install(user_entry_point, _env.code_dir, capture_error, told)
    _env.write_env_vars(env_vars)
    chosen = _runner.get(runner, user_entry_point, args, env_vars, extra_opts)
    return chosen.run(wait, capture_error)


def install(name, dst, capture_error=False):
    """Makes the entry point ready: adds `dst` to sys.path, installs a package, makes a program
    executable."""
    _install(name, dst, capture_error, {})


def _install(name, dst, capture_error, told):
    if dst not in sys.path:
        sys.path.insert(0, dst)
    kind = _entry_point_type.get(dst, name)
    if kind is _entry_point_type.PYTHON_PACKAGE:
        _modules._install(dst, capture_error, **told)
    elif kind is _entry_point_type.COMMAND:
        path = os.path.join(dst, name)
        mode = os.stat(path).st_mode
        if mode & 0o111 != 0o111:
            os.chmod(path, mode & 0o7777 | 0o111)
