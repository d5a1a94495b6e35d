"""The folders of a container, as the process finds or makes them when it first asks."""

from __future__ import annotations

import os

SAGEMAKER_BASE_PATH = os.path.join("/opt", "ml")
BASE_PATH_ENV = "SAGEMAKER_BASE_DIR"


def base_directory(logger, resource_config):
    """SAGEMAKER_BASE_DIR, else /opt/ml; has a code/ afterwards, where that can be made.

    Outside of a container, where there is neither, ~/sagemaker_local/jobs/<time>/opt/ml with empty
    configuration files is made, and SAGEMAKER_BASE_DIR set to it. `resource_config(host)` is what
    the file of hosts is to hold then.
    """
    outside = not os.path.exists(SAGEMAKER_BASE_PATH) and BASE_PATH_ENV not in os.environ
    if outside:
        import time

        logger.info("Directory /opt/ml does not exist.")
        home = os.path.expanduser("~")
        base = os.path.join(home, "sagemaker_local", "jobs", str(time.time()), "opt", "ml")
        logger.info("Setting environment variable SAGEMAKER_BASE_DIR as %s .", base)
        os.environ[BASE_PATH_ENV] = base
        _make(base, resource_config)
    base = os.environ.get(BASE_PATH_ENV, SAGEMAKER_BASE_PATH)
    os.makedirs(os.path.join(base, "code"), exist_ok=True)
    return base


def _make(base, resource_config):
    import json
    import socket

    config = os.path.join(base, "input", "config")
    for folder in (os.path.join(base, "model"), config, os.path.join(base, "output", "data")):
        os.makedirs(folder)
    for name, content in (
        ("hyperparameters.json", {}),
        ("inputdataconfig.json", {}),
        ("resourceconfig.json", resource_config(socket.gethostname())),
    ):
        with open(os.path.join(config, name), "w") as f:
            json.dump(content, f)


def read_hyperparameters(path, logger):
    """hyperparameters.json: texts that are JSON are the values they stand for."""
    import json

    with open(path, "r") as f:
        hyperparameters = json.load(f)
    for name, value in hyperparameters.items():
        try:
            hyperparameters[name] = json.loads(value)
        except (ValueError, TypeError):
            logger.debug("hyperparameter %s is no JSON: it stays as it is", name)
    return hyperparameters


def write_env_vars(env_vars=None):
    """Sets the variables, and PYTHONPATH to sys.path, for this process and its children."""
    import sys

    env_vars = env_vars or {}
    env_vars["PYTHONPATH"] = ":".join(sys.path)
    for name, value in env_vars.items():
        os.environ[name] = value
