"""The toolkit's logger."""

from __future__ import annotations

import logging

from berth_compat import logs


def get_logger():
    """The logger "sagemaker-training-toolkit"."""
    return logging.getLogger("sagemaker-training-toolkit")


def configure_logger(level, log_format="%(asctime)s %(name)-12s %(levelname)-8s %(message)s"):
    """Configures the root logger, and quiets the AWS libraries to `level`."""
    logs.configure_logger(level, log_format, (level, level, level))


def log_script_invocation(cmd, env_vars, logger=None):
    """Logs what is run and with which environment, at INFO. Secrets are masked."""
    from sagemaker_training import environment

    logs.log_script_invocation(cmd, env_vars, logger or get_logger(), environment.Environment)
