"""The runners by their types."""

from __future__ import annotations

import enum

from sagemaker_containers import _mpi, _params, _process


class RunnerType(enum.Enum):
    """How the entry point is launched."""

    MPI = "MPI"
    Process = "Process"


ProcessRunnerType = RunnerType.Process
MPIRunnerType = RunnerType.MPI


def get(identifier, user_entry_point=None, args=None, env_vars=None, extra_opts=None):
    """The runner of a RunnerType for this host; a ProcessRunner is returned as it is.

    What is not given is the job's. ValueError for any other identifier.
    """
    import sagemaker_containers

    if isinstance(identifier, _process.ProcessRunner):
        return identifier
    env = sagemaker_containers.training_env()
    options = extra_opts or {}

    def option(name, default=None):
        return options.get(name) or env.additional_framework_parameters.get(name, default)

    script = (
        user_entry_point or env.user_entry_point,
        args or env.to_cmd_args(),
        env_vars or env.to_env_vars(),
    )
    if identifier is RunnerType.Process:
        made = _process.ProcessRunner(*script)
    elif identifier is RunnerType.MPI and env.is_master:
        made = _mpi.MasterRunner(
            *(script + (env.master_hostname, env.hosts)),
            process_per_host=option(_params.MPI_PROCESSES_PER_HOST, env.num_gpus or 1),
            custom_mpi_options=option(_params.MPI_CUSTOM_OPTIONS, ""),
            network_interface_name=env.network_interface_name,
            num_processes=option(_params.MPI_NUM_PROCESSES)
        )
    elif identifier is RunnerType.MPI:
        made = _mpi.WorkerRunner(*(script + (env.master_hostname,)))
    else:
        raise ValueError("Invalid identifier %s" % identifier)
    # The launcher reads the job's own settings itself: it gets what goes before them, no more.
    made._settings = options
    return made


def _launch(identifier, extra_opts):
    """What a request has of its launch: with it, the job's other hosts hear of a failure."""
    names = {RunnerType.Process: "process", RunnerType.MPI: "mpi"}
    if identifier not in names:
        return {}
    return {"runner": names[identifier], "extra": _process._settings_of(extra_opts or {})}
