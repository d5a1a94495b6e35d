"""Runs the job of a container, for images whose own program is Python. `berth train` is the same
without Python around it."""

from __future__ import annotations

import os
import sys

from berth_compat import endings
from sagemaker_training import (
    SM_TRAINING_COMPILER_PATHS,
    entry_point,
    environment,
    errors,
    files,
    intermediate_output,
    logging_config,
    params,
    runner,
)

logger = logging_config.get_logger()

SUCCESS_CODE = 0
DEFAULT_FAILURE_CODE = 1


def train():
    """Calls the framework's function (SAGEMAKER_TRAINING_MODULE) or runs the user's entry point,
    writes output/success or output/failure, and exits: 0; 1 for the user's errors; for others
    their errno, else 1; what SystemExit says, and 130 for KeyboardInterrupt."""
    uploads = None
    exit_code = SUCCESS_CODE
    try:
        env = environment.Environment()
        region = os.environ.get("AWS_REGION", os.environ.get(params.REGION_NAME_ENV))
        uploads = intermediate_output.start_sync(
            env.sagemaker_s3_output(), region, endpoint_url=os.environ.get(params.S3_ENDPOINT_URL)
        )
        _run(env)
        logger.info("Reporting training SUCCESS")
        files.write_success_file()
    except errors.ClientError as e:
        exit_code = DEFAULT_FAILURE_CODE
        _report(str(e))
    except BaseException as e:
        exit_code = endings.exit_code_of(e)
        if exit_code == SUCCESS_CODE:
            files.write_success_file()
        else:
            _report(_framework_error(e))
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
        logging_config.configure_logger(env.log_level)
        logger.info("Imported framework %s", module)
        getattr(framework, function)()
        return
    logging_config.configure_logger(env.log_level)
    mpi = env.additional_framework_parameters.get(params.MPI_ENABLED) and (
        env.current_instance_group in env.distribution_instance_groups
    )
    entry_point.run(
        env.module_dir,
        env.user_entry_point,
        env.to_cmd_args(),
        env.to_env_vars(),
        runner_type=runner.RunnerType.MPI if mpi else runner.RunnerType.Process,
    )


def _framework_error(error):
    import traceback

    trace = traceback.format_exc()
    compiler = any(path in trace for path in SM_TRAINING_COMPILER_PATHS)
    who = "SMTrainingCompiler" if compiler else "Framework"
    return "%s Error: \n%s\n%s" % (who, trace, error)


def _report(failure):
    logger.error("Reporting training FAILURE")
    logger.error(failure)
    files.write_failure_file(endings.reportable(failure))


def _exit_processes(exit_code):
    if exit_code != 0:
        logger.error("Encountered exit_code %s", exit_code)
    sys.exit(exit_code)
