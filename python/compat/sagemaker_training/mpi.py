"""MPI: berth starts mpirun on the master and what it needs on the other hosts."""

from __future__ import annotations

from sagemaker_training import errors, logging_config, params, process
from sagemaker_training.smdataparallel import get_dataparallel_exception_classes  # noqa: F401

logger = logging_config.get_logger()

# Kept for code that reads it: hosts tell each other how the job ends over a link of berth's own.
MPI_FINISHED_STATUS_FILE = "/tmp/done"
DEFAULT_ERROR_CLASS = errors.ExecuteUserScriptError


def get_modelparallel_exception_classes():
    """The names of the exceptions of SageMaker's model parallel library, where it is installed."""
    found = process._exception_names("smdistributed.modelparallel.backend", "exceptions")
    found += process._exception_names("smdistributed.modelparallel.torch", "exceptions")
    return found or [DEFAULT_ERROR_CLASS]


class _MpiRunner(process.ProcessRunner):
    _runner = "mpi"

    def _exception_classes(self, said):
        found = super(_MpiRunner, self)._exception_classes(said)
        if "smdistributed" in said:
            found = found + get_modelparallel_exception_classes()
            found = found + get_dataparallel_exception_classes()
        return found


class WorkerRunner(_MpiRunner):
    """The part of a host that is not the master: serves mpirun until the job is over.

    Who the master is, berth reads from resourceconfig.json.
    """

    def __init__(
        self, user_entry_point, args, env_vars, processes_per_host, master_hostname, current_host
    ):
        super(WorkerRunner, self).__init__(user_entry_point, args, env_vars, processes_per_host)
        self._master_hostname = str(master_hostname)
        self._current_host = str(current_host)


class MasterRunner(_MpiRunner):
    """Runs mpirun over all hosts of the job's distribution.

    Hosts and networks are those of resourceconfig.json; the other hosts are waited for up to an
    hour. What is installed and what the machines have (EFA, Open MPI 4 or 5, MPICH) berth finds
    out itself; docs/distributed.md.
    """

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
        num_processes=None,
        instance_type="ml.p3.16xlarge",
    ):
        super(MasterRunner, self).__init__(user_entry_point, args, env_vars, processes_per_host)
        self._master_hostname = master_hostname
        self._hosts = hosts
        self._num_processes = num_processes
        self._custom_mpi_options = custom_mpi_options
        self._network_interface_name = network_interface_name
        self._interval = interval
        self._instance_type = instance_type
        self.timeout_in_seconds = timeout_in_seconds

    def _own_settings(self):
        settings = super(MasterRunner, self)._own_settings()
        settings[params.MPI_NUM_PROCESSES] = self._num_processes
        settings[params.MPI_CUSTOM_OPTIONS] = self._custom_mpi_options
        return settings
