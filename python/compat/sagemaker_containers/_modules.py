"""The user's code as a Python module."""

from __future__ import annotations

import os

from berth_compat import modules as _common
from berth_compat import native
from berth_compat.modules import DEFAULT_MODULE_NAME, exists, has_requirements  # noqa: F401
from sagemaker_containers import _env, _errors, _files, _logging, _process

logger = _logging.get_logger()


def prepare(path, name):
    """Makes a folder one that pip can install as `name`; nothing where it has a setup.py."""
    _common.prepare(path, name, logger)


def install(path, capture_error=False):
    """Installs the package in `path`, and its requirements.txt, into this Python.
    InstallModuleError where pip fails; with `capture_error` it has the end of pip's stderr."""
    _install(path, capture_error)


def _install(path, capture_error, **members):
    logger.info("Installing the module in %s", path)
    asked = native.request(
        only="install", kind="package", code_directory=os.path.abspath(path), **members
    )
    result, _ = native.run(asked)
    _process._raise_for(result, _errors.InstallModuleError, capture_error)


def s3_download(url, dst):
    """files.s3_download()."""
    _files.s3_download(url, dst)


def download_and_install(uri, name=DEFAULT_MODULE_NAME, cache=True):
    """The user's code of `uri`, fetched and installed as the module `name`; nothing where it can be
    imported already, unless `cache` is false."""
    if cache and exists(name):
        return
    with _files.tmpdir() as folder:
        path = os.path.join(folder, "module_dir")
        _files.download_and_extract(uri, path)
        prepare(path, name)
        install(path)


def run(module_name, args=None, env_vars=None, wait=True, capture_error=False):
    """Runs `python -m module_name` with `args` in code/ and returns its subprocess.Popen: at once
    where not `wait`, else when it has ended well. `env_vars` are only for the log: what the module
    is to have must be in os.environ. ExecuteUserScriptError where it fails."""
    cmd = [_process.python_executable(), "-m", module_name] + (args or [])
    _logging.log_script_invocation(cmd, env_vars or {})
    run_it = _process.check_error if wait else _process.create
    return run_it(cmd, _errors.ExecuteUserScriptError, capture_error=capture_error)


def import_module(uri, name=DEFAULT_MODULE_NAME, cache=None):
    """The user's code of `uri`, fetched, installed and imported as `name`. ImportModuleError where
    the import fails. `cache` does nothing."""
    _warn_of_cache(cache)
    _files.download_and_extract(uri, _env.code_dir)
    prepare(_env.code_dir, name)
    install(_env.code_dir)
    return _common.import_again(name, _errors.ImportModuleError)


def run_module(
    uri, args, env_vars=None, name=DEFAULT_MODULE_NAME, cache=None, wait=True, capture_error=False
):
    """The user's code of `uri`, fetched, installed as the module `name`, and run(). `cache` does
    nothing."""
    _warn_of_cache(cache)
    env_vars = dict(env_vars or {})
    _files.download_and_extract(uri, _env.code_dir)
    prepare(_env.code_dir, name)
    install(_env.code_dir)
    _env.write_env_vars(env_vars)
    return run(name, args, env_vars, wait, capture_error)


def _warn_of_cache(cache):
    if cache is not None:
        import warnings

        warnings.warn(
            "the cache parameter is unnecessary anymore. Cache is always set to True",
            DeprecationWarning,
            stacklevel=3,
        )
