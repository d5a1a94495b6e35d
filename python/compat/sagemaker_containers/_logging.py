"""The toolkit's logger."""

from __future__ import annotations

import logging

from berth_compat import logs


def get_logger():
    """The logger "sagemaker-containers"."""
    return logging.getLogger("sagemaker-containers")


def configure_logger(level, log_format="%(asctime)s %(name)-12s %(levelname)-8s %(message)s"):
    """Configures the root logger, and quiets the AWS libraries."""
    logs.configure_logger(level, log_format, (logging.INFO, logging.INFO, logging.WARNING))


def log_script_invocation(cmd, env_vars, logger=None):
    """Logs what is run and with which environment, at INFO. Secrets are masked."""
    import sagemaker_containers

    logs.log_script_invocation(
        cmd, env_vars, logger or get_logger(), sagemaker_containers.training_env
    )
