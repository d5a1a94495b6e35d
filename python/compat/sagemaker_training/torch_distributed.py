"""torchrun."""

from __future__ import annotations

from sagemaker_training import _entry_point_type, environment, errors, logging_config, process

TORCH_DISTRIBUTED_MODULE = "torchrun"
MASTER_PORT = "7777"

logger = logging_config.get_logger()


class TorchDistributedRunner(process.ProcessRunner):
    """Runs the script under torchrun on each host of the job's distribution, which are those of
    resourceconfig.json. ClientError where the entry point is no Python script."""

    _runner = "torch_distributed"

    def __init__(
        self,
        user_entry_point,
        args,
        env_vars,
        processes_per_host,
        master_hostname,
        hosts,
        current_host,
        network_interface_name,
        instance_type="ml.trn1.2xlarge",
    ):
        super(TorchDistributedRunner, self).__init__(
            user_entry_point, args, env_vars, processes_per_host
        )
        self._master_hostname = master_hostname
        self._hosts = hosts
        self._current_host = current_host
        self._network_interface_name = network_interface_name
        self._instance_type = instance_type

    def _setup(self):
        kind = _entry_point_type.get(environment.code_dir, self._user_entry_point)
        if kind is _entry_point_type.PYTHON_PACKAGE:
            raise errors.ClientError(
                "Python packages are not supported for torch_distributed. "
                "Please use a python script as the entry-point"
            )
        if kind is _entry_point_type.COMMAND:
            raise errors.ClientError("Unsupported entry point type for torch_distributed")

    def run(self, capture_error=True, wait=True):
        """As ProcessRunner.run(), whose arguments stand the other way round."""
        return super(TorchDistributedRunner, self).run(wait=wait, capture_error=capture_error)
