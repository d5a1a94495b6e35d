"""The user's code as a Python module."""

from __future__ import annotations

import os

from berth_compat import modules as _modules
from berth_compat import native
from berth_compat.modules import DEFAULT_MODULE_NAME, exists, has_requirements  # noqa: F401
from sagemaker_training import environment, errors, files, logging_config, process

logger = logging_config.get_logger()

CA_REPOSITORY_ARN_ENV = "CA_REPOSITORY_ARN"


def prepare(path, name):
    """Makes a folder one that pip can install as `name`; nothing where it has a setup.py."""
    _modules.prepare(path, name, logger)


def install(path, capture_error=False):
    """Installs the package in `path`, and its requirements.txt, into this Python.
    InstallModuleError where pip fails; with `capture_error` it has pip's words."""
    logger.info("Installing module.")
    _install(path, "package", capture_error)


def install_requirements(path, capture_error=False):
    """Installs the requirements.txt in `path`. InstallRequirementsError where pip fails."""
    logger.info("Installing dependencies from requirements.txt")
    if not has_requirements(path):
        raise errors.InstallRequirementsError(
            cmd="%s -m pip install -r requirements.txt" % process.python_executable(),
            return_code=1,
            output='there is no "%s"' % os.path.join(path, "requirements.txt"),
        )
    _install(path, "requirements", capture_error)


def _install(path, kind, capture_error, **members):
    asked = native.request(
        only="install", kind=kind, code_directory=os.path.abspath(path), **members
    )
    result, _ = native.run(asked)
    process._raise_for(result, [], capture_error)


def import_module(uri, name=DEFAULT_MODULE_NAME):
    """The user's code of `uri`, fetched, installed and imported as `name`. ImportModuleError where
    the import fails."""
    files.download_and_extract(uri, environment.code_dir)
    prepare(environment.code_dir, name)
    install(environment.code_dir)
    return _modules.import_again(name, errors.ImportModuleError)
