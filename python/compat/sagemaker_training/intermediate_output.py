"""Uploads of output/intermediate while the script runs."""

from __future__ import annotations

import os

from berth_compat import intermediate_output as _sync
from sagemaker_training import environment, errors, logging_config

logger = logging_config.get_logger()

intermediate_path = environment.output_intermediate_dir
failure_file_path = os.path.join(environment.output_dir, "failure")
success_file_path = os.path.join(environment.output_dir, "success")
# Nothing is ever there: files are uploaded from where they are.
tmp_dir_path = os.path.join(intermediate_path, ".tmp.sagemaker_s3_sync")


def start_sync(s3_output_location, region, endpoint_url=None):
    """Starts the uploads and returns them as a process with join(), which completes them; None
    where there is nothing to do (no location, file://, or a folder that is there already: the
    platform uploads it). ValueError for any other address, ClientError where S3 cannot be reached.
    """
    return _sync.start(
        s3_output_location, region, endpoint_url, intermediate_path, logger, errors.ClientError
    )
