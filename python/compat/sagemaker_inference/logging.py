"""The logger of this package."""

from __future__ import absolute_import

import logging


def configure_logger():
    """Gives the logger a handler that writes time, name and level before each message."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s")
    )
    get_logger().addHandler(handler)


def get_logger():
    """The logger "sagemaker-inference"."""
    return logging.getLogger("sagemaker-inference")
