"""Python modules: whether they are there, and what pip needs to install a folder as one."""

from __future__ import annotations

import os

DEFAULT_MODULE_NAME = "default_user_module_name"

_SETUP = """\
from setuptools import setup

setup(name="%s", version="1.0.0", packages=[""], include_package_data=True)
"""
_SETUP_CFG = """\
[wheel]
universal = 1
"""
_MANIFEST = """\
recursive-include . *
recursive-exclude . __pycache__*
recursive-exclude . *.pyc
recursive-exclude . *.pyo
"""


def exists(name):
    """Whether the module can be imported. It is imported then."""
    import importlib

    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def has_requirements(path):
    """Whether the folder has a requirements.txt."""
    return os.path.exists(os.path.join(path, "requirements.txt"))


def prepare(path, name, logger):
    """Makes a folder one that pip can install as `name`; nothing where it has a setup.py."""
    if os.path.exists(os.path.join(path, "setup.py")):
        return
    logger.info("Module %s does not provide a setup.py. \nGenerating setup.py", name)
    for file, text in (
        ("setup.py", _SETUP % name),
        ("setup.cfg", _SETUP_CFG),
        ("MANIFEST.in", _MANIFEST),
    ):
        with open(os.path.join(path, file), "w") as f:
            f.write(text)


def import_again(name, import_error):
    """The module, executed once more where it had been imported; `import_error` where it fails."""
    import importlib

    try:
        return importlib.reload(importlib.import_module(name))
    except Exception as e:
        raise import_error(e).with_traceback(e.__traceback__)
