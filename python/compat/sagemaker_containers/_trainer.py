"""Runs the job of a container, for images whose own program is Python. `berth train` is the same
without Python around it."""

from __future__ import annotations

import os

import sagemaker_containers
from berth_compat import endings
from sagemaker_containers import (
    _errors,
    _files,
    _intermediate_output,
    _logging,
    _params,
    _runner,
    entry_point,
)

logger = _logging.get_logger()

SUCCESS_CODE = 0
DEFAULT_FAILURE_CODE = 1


def train():
    """Calls the framework's function (SAGEMAKER_TRAINING_MODULE) or runs the user's entry point,
    writes output/success or output/failure, and ends the process: 0; 1 for the user's errors; for
    others their errno, else 1; what SystemExit says, and 130 for KeyboardInterrupt."""
    uploads = None
    exit_code = SUCCESS_CODE
    try:
        env = sagemaker_containers.training_env()
        region = os.environ.get("AWS_REGION", os.environ.get(_params.REGION_NAME_ENV))
        uploads = _intermediate_output.start_sync(
            env.sagemaker_s3_output(), region, endpoint_url=os.environ.get(_params.S3_ENDPOINT_URL)
        )
        _run(env)
        logger.info("Reporting training SUCCESS")
        _files.write_success_file()
    except _errors.ClientError as e:
        exit_code = DEFAULT_FAILURE_CODE
        logger.error(str(e))
        _files.write_failure_file(endings.reportable(str(e)))
    except BaseException as e:
        exit_code = endings.exit_code_of(e)
        if exit_code == SUCCESS_CODE:
            _files.write_success_file()
            return
        failure = _framework_error(e)
        logger.error("Reporting training FAILURE")
        logger.error(failure)
        _files.write_failure_file(endings.reportable(failure))
    finally:
        if uploads:
            uploads.join()
        _exit_processes(exit_code)


def _run(env):
    if env.framework_module:
        import importlib

        module, function = env.framework_module.split(":")
        framework = importlib.import_module(module)
        # Only now: the framework may configure logging when it is imported.
        _logging.configure_logger(env.log_level)
        logger.info("Imported framework %s", module)
        getattr(framework, function)()
        return
    _logging.configure_logger(env.log_level)
    mpi = env.additional_framework_parameters.get(_params.MPI_ENABLED)
    entry_point.run(
        env.module_dir,
        env.user_entry_point,
        env.to_cmd_args(),
        env.to_env_vars(),
        runner=_runner.RunnerType.MPI if mpi else _runner.RunnerType.Process,
    )


def _framework_error(error):
    import traceback

    return "framework error: \n%s\n%s" % (traceback.format_exc(), error)


def _exit_processes(exit_code):
    """Ends this process, whatever threads it has."""
    import sys

    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(exit_code)
