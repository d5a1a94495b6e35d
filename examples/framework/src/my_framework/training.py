"""What the container does when a job starts: SAGEMAKER_TRAINING_MODULE=my_framework.training:main."""

import errno
import logging
import os

from sagemaker_training import entry_point, environment, errors, runner

logger = logging.getLogger(__name__)

# What this framework adds to the environment of every script.
DEFAULTS = {"MY_FRAMEWORK_THREADS": "4"}


def check_channels(env):
    """The user's own mistake: a ClientError is reported as it stands, and the job fails with 1."""
    if "train" not in env.channel_input_dirs:
        raise errors.ClientError(
            "this framework reads its data from the channel \"train\", and the job has %s"
            % (", ".join(sorted(env.channel_input_dirs)) or "none")
        )


def check_license(path):
    """The container's own failure: an exception with an errno, which becomes the exit code."""
    if path and not os.path.exists(path):
        raise OSError(errno.ENOENT, "the framework's license is missing", path)


def runner_type(env):
    """Scripts that ask for it run under MPI, on all hosts."""
    if env.additional_framework_parameters.get("sagemaker_mpi_enabled"):
        return runner.MPIRunnerType
    return runner.ProcessRunnerType


def train(env):
    """Runs the user's script; its failure is an ExecuteUserScriptError, which is a ClientError."""
    variables = env.to_env_vars()
    for name, value in DEFAULTS.items():
        variables.setdefault(name, os.environ.get(name, value))
    entry_point.run(
        env.module_dir,
        env.user_entry_point,
        env.to_cmd_args(),
        variables,
        capture_error=True,
        runner_type=runner_type(env),
    )


def main():
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
    env = environment.Environment()
    logging.getLogger("my_framework").setLevel(env.log_level)
    check_license(os.environ.get("MY_FRAMEWORK_LICENSE"))
    check_channels(env)
    logger.info("training on %d CPU(s) and %d GPU(s)", env.num_cpus, env.num_gpus)
    train(env)
