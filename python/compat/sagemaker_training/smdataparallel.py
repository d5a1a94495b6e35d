"""SageMaker's data parallel library (SMDDP), which berth starts through mpirun and smddprun."""

from __future__ import annotations

from sagemaker_training import errors, logging_config, params, process

logger = logging_config.get_logger()

MPI_FINISHED_STATUS_FILE = "/tmp/done"
DEFAULT_ERROR_CLASS = errors.ExecuteUserScriptError


def get_dataparallel_exception_classes():
    """The names of the library's exceptions, where it is installed."""
    found = process._exception_names("smdistributed.dataparallel", "exceptions")
    return found or [DEFAULT_ERROR_CLASS]


class SMDataParallelRunner(process.ProcessRunner):
    """Runs the script on all hosts of the job's distribution, which are those of
    resourceconfig.json."""

    _runner = "smddp"

    def __init__(
        self,
        user_entry_point,
        args,
        env_vars,
        processes_per_host,
        master_hostname,
        hosts,
        custom_mpi_options,
        network_interface_name,
        interval=1,
        timeout_in_seconds=60 * 60,
    ):
        super(SMDataParallelRunner, self).__init__(
            user_entry_point, args, env_vars, processes_per_host
        )
        self._master_hostname = master_hostname
        self._hosts = hosts
        self._custom_mpi_options = custom_mpi_options
        self._network_interface_name = network_interface_name
        self._interval = interval
        self.timeout_in_seconds = timeout_in_seconds

    def _own_settings(self):
        settings = super(SMDataParallelRunner, self)._own_settings()
        settings[params.SMDATAPARALLEL_CUSTOM_MPI_OPTIONS] = self._custom_mpi_options
        return settings

    def _exception_classes(self, said):
        found = super(SMDataParallelRunner, self)._exception_classes(said)
        if "smdistributed" in said:
            found = found + get_dataparallel_exception_classes()
        return found
