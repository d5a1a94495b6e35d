"""Files of the job, and the user's code."""

from __future__ import annotations

import os

from berth_compat import files as _common
from berth_compat.files import read_file, read_json, tmpdir, write_file  # noqa: F401
from sagemaker_containers import _env, _errors


def write_success_file():
    """Makes output/success, by which the platform knows that the job succeeded."""
    write_file(os.path.join(_env.output_dir, "success"), "")


def write_failure_file(failure_msg):
    """Writes output/failure, whose first 1,024 characters become FailureReason."""
    write_file(os.path.join(_env.output_dir, "failure"), failure_msg)


def download_and_extract(uri, path):
    """Puts the code of `uri` (s3://…, a directory, a .tar.gz, a file) into the folder `path`.

    What is in the folder already stays. ClientError where the code cannot be had: nothing is in the
    folder then.
    """
    _common.fetch(uri, path, _errors.ClientError)


def s3_download(url, dst):
    """The object `url` as the file `dst`. ValueError for what is no S3 address, ClientError where
    it cannot be had."""
    _common.s3_download(url, dst, _errors.ClientError)
