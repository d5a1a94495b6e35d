"""Files of the job, and the user's code."""

from __future__ import annotations

import os

from berth_compat import files as _files
from berth_compat.files import read_file, read_json, tmpdir, write_file  # noqa: F401
from sagemaker_training import environment, errors, logging_config

logger = logging_config.get_logger()


def write_success_file():
    """Makes output/success, by which the platform knows that the job succeeded."""
    write_file(os.path.join(environment.output_dir, "success"), "")


def write_failure_file(failure_msg):
    """Writes output/failure, whose first 1,024 characters become FailureReason; one that is there
    already stays."""
    path = os.path.join(environment.output_dir, "failure")
    if os.path.exists(path):
        logger.info("Failure file exists. Skipping creation....")
    else:
        write_file(path, failure_msg)


def download_and_extract(uri, path):
    """Puts the code of `uri` (s3://…, a directory, a .tar.gz, a file) into the folder `path`.

    What is in the folder already stays. ClientError where the code cannot be had: nothing is in the
    folder then.
    """
    _files.fetch(uri, path, errors.ClientError)


def s3_download(url, dst):
    """The object `url` as the file `dst`. ValueError for what is no S3 address, ClientError where
    it cannot be had."""
    _files.s3_download(url, dst, errors.ClientError)
