"""Starts the server of a serving container, which is Berth's: there is no nginx and no gunicorn."""

from __future__ import annotations

import os

from sagemaker_containers import _env, _logging

logger = _logging.get_logger()

# Where the original puts them, for code that imports the names.
UNIX_SOCKET_BIND = "unix:/tmp/gunicorn.sock"
nginx_config_file = os.path.join("/etc", "sagemaker-nginx.conf")


def start(module_app):
    """Serves `module_app`, "module:application", until the server is asked to end.

    Before, the user's module (SAGEMAKER_PROGRAM), where there is one, is fetched, installed and
    imported. Raises what that raises (ImportModuleError, InstallModuleError); ValueError without
    an application; RuntimeError where the server ends with an error.
    """
    if not module_app:
        raise ValueError(
            "there is no application to serve: set SAGEMAKER_SERVING_MODULE to module:application"
        )
    import sys

    from berth_compat import server

    env = _env.ServingEnv()
    if env.module_name:
        from sagemaker_containers import _modules

        _modules.import_module(env.module_dir, env.module_name)
    variables = dict(os.environ, SAGEMAKER_SERVING_MODULE=module_app)
    # The application is looked for where this Python looks.
    folders = [folder for folder in sys.path + [_env.code_dir] if folder]
    variables["PYTHONPATH"] = os.pathsep.join(folders)
    server.run(variables)


def next_safe_port(port_range, after=None):
    """A port of "first-last", as text: the first, or the one behind `after`. Raises ValueError
    where that is not in the range."""
    ends = port_range.split("-")
    first, last = int(ends[0]), int(ends[1])
    if not after:
        return str(first)
    port = int(after) + 1
    if not first <= port <= last:
        raise ValueError(
            "{} is outside of the acceptable port range for SageMaker: {}".format(port, port_range)
        )
    return str(port)
