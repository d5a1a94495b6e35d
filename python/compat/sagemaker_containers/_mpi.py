"""MPI: berth starts mpirun on the master and what it needs on the other hosts."""

from __future__ import annotations

from sagemaker_containers import _logging, _params, _process

logger = _logging.get_logger()


class WorkerRunner(_process.ProcessRunner):
    """The part of a host that is not the master: serves mpirun until the job is over.

    Who the master is, berth reads from resourceconfig.json.
    """

    _runner = "mpi"

    def __init__(self, user_entry_point, args, env_vars, master_hostname):
        super(WorkerRunner, self).__init__(user_entry_point, args, env_vars)
        self._master_hostname = str(master_hostname)


class MasterRunner(_process.ProcessRunner):
    """Runs mpirun over all hosts of the job's distribution, which are those of
    resourceconfig.json; the other hosts are waited for up to an hour. docs/distributed.md."""

    _runner = "mpi"

    def __init__(
        self,
        user_entry_point,
        args,
        env_vars,
        master_hostname,
        hosts,
        process_per_host,
        custom_mpi_options,
        network_interface_name,
        interval=1,
        timeout_in_seconds=60 * 60,
        num_processes=None,
    ):
        super(MasterRunner, self).__init__(user_entry_point, args, env_vars)
        self._master_hostname = master_hostname
        self._hosts = hosts
        self._process_per_host = process_per_host
        self._num_processes = num_processes
        self._custom_mpi_options = custom_mpi_options
        self._network_interface_name = network_interface_name
        self._interval = interval
        self.timeout_in_seconds = timeout_in_seconds

    def _own_settings(self):
        return {
            _params.MPI_PROCESSES_PER_HOST: self._process_per_host,
            _params.MPI_NUM_PROCESSES: self._num_processes,
            _params.MPI_CUSTOM_OPTIONS: self._custom_mpi_options,
        }
