"""Python's logging, configured as the originals have it, and the line before a script runs."""

from __future__ import annotations

import logging
import os

from berth_compat import secrets

_INVOCATION = """Invoking user script

Training Env:

%s

Environment variables:

%s

Invoking script with the following command:

%s

"""


def configure_logger(level, log_format, botocore_level):
    """`botocore_level`: of the AWS libraries, where `level` is INFO or above."""
    logging.basicConfig(format=log_format, level=level)
    if level >= logging.INFO:
        for name, its in zip(("boto3", "s3transfer", "botocore"), botocore_level):
            logging.getLogger(name).setLevel(its)


def log_script_invocation(cmd, env_vars, logger, environment):
    """What is run, with which environment; secrets are masked. Nothing is read where nobody
    listens. `environment()` makes the environment of the job."""
    if not logger.isEnabledFor(logging.INFO):
        return
    import json

    env = environment()
    message = _INVOCATION % (
        json.dumps(dict(env), indent=4),
        "\n".join("%s=%s" % pair for pair in env_vars.items()),
        " ".join(cmd),
    )
    logger.info("%s", secrets.mask(message, os.environ, env_vars, env.hyperparameters))
