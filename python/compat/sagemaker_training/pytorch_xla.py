"""PyTorch/XLA."""

from __future__ import annotations

from sagemaker_training import _entry_point_type, environment, errors, logging_config, process

logger = logging_config.get_logger()

_IMAGES = "https://github.com/aws/deep-learning-containers/blob/master/available_images.md"


class PyTorchXLARunner(process.ProcessRunner):
    """Runs the script under torch_xla's xla_spawn on each host of the job's distribution, which are
    those of resourceconfig.json. SMTrainingCompilerConfigurationError where that cannot be."""

    MESH_SERVICE_PORT = 53957
    WORKER_PORT = 43857

    _runner = "pytorch_xla"

    def __init__(
        self,
        user_entry_point,
        args,
        env_vars,
        processes_per_host,
        master_hostname,
        current_host,
        hosts,
        num_gpus,
    ):
        super(PyTorchXLARunner, self).__init__(user_entry_point, args, env_vars, processes_per_host)
        self._master_hostname = master_hostname
        self._current_host = current_host
        self._hosts = hosts
        self._num_gpus = num_gpus
        self._num_hosts = len(self._hosts)
        self._rank = self._hosts.index(self._current_host)

    def _setup(self):
        if not self._num_gpus > 0:
            raise errors.SMTrainingCompilerConfigurationError(
                "Distributed training through PT-XLA is only supported for GPUs."
            )
        if not process._is_installed("torch_xla"):
            raise errors.SMTrainingCompilerConfigurationError(
                "Unable to find PT-XLA in the execution environment. This distribution mechanism "
                "requires it; SageMaker's own containers have it: %s" % _IMAGES
            )
        if not process._is_installed("torch_xla.distributed.xla_spawn"):
            raise errors.SMTrainingCompilerConfigurationError(
                "Unable to find SageMaker integration code in PT-XLA, which only SageMaker's own "
                "containers have: %s" % _IMAGES
            )
        kind = _entry_point_type.get(environment.code_dir, self._user_entry_point)
        if kind is not _entry_point_type.PYTHON_PROGRAM:
            raise errors.SMTrainingCompilerConfigurationError(
                "Distributed Training through PT-XLA is only supported for Python scripts. "
                "Please use a python script as the entry-point"
            )
