"""The runners by their types."""

from __future__ import annotations

import enum

from sagemaker_training import (
    environment,
    mpi,
    params,
    process,
    pytorch_xla,
    smdataparallel,
    torch_distributed,
)


class RunnerType(enum.Enum):
    """How the entry point is launched."""

    MPI = "MPI"
    Process = "Process"
    SMDataParallel = "SMDataParallel"
    PyTorchXLA = "PyTorchXLA"
    TorchDistributed = "TorchDistributed"


ProcessRunnerType = RunnerType.Process
MPIRunnerType = RunnerType.MPI
SMDataParallelRunnerType = RunnerType.SMDataParallel
PyTorchXLARunnerType = RunnerType.PyTorchXLA
TorchDistributedRunnerType = RunnerType.TorchDistributed


def get(identifier, user_entry_point=None, args=None, env_vars=None, extra_opts=None):
    """The runner of a RunnerType for this host; a ProcessRunner is returned as it is.

    What is not given is the job's. ValueError for any other identifier.
    """
    if isinstance(identifier, process.ProcessRunner):
        return identifier
    env = environment.Environment()
    options = extra_opts or {}

    def option(name, default=None):
        return options.get(name) or env.additional_framework_parameters.get(name, default)

    script = (
        user_entry_point or env.user_entry_point,
        args or env.to_cmd_args(),
        env_vars or env.to_env_vars(),
        option(params.MPI_PROCESSES_PER_HOST, env.num_gpus or env.num_neurons or 1),
    )
    made = _make(identifier, env, script, option)
    # The launcher reads the job's own settings itself: it gets what goes before them, no more.
    made._settings = options
    return made


def _make(identifier, env, script, option):
    master, hosts, host = env.master_hostname, env.distribution_hosts, env.current_host
    interface = env.network_interface_name
    if identifier is RunnerType.Process:
        return process.ProcessRunner(*script)
    if identifier in (RunnerType.MPI, RunnerType.SMDataParallel) and not env.is_master:
        worker = mpi.WorkerRunner(*(script + (master, host)))
        worker._runner = _NATIVE[identifier]
        return worker
    if identifier is RunnerType.MPI:
        return mpi.MasterRunner(
            *(script + (master, hosts, option(params.MPI_CUSTOM_OPTIONS, ""), interface)),
            num_processes=option(params.MPI_NUM_PROCESSES),
            instance_type=env.current_instance_type
        )
    if identifier is RunnerType.SMDataParallel:
        options = option(params.SMDATAPARALLEL_CUSTOM_MPI_OPTIONS, "")
        return smdataparallel.SMDataParallelRunner(*(script + (master, hosts, options, interface)))
    if identifier is RunnerType.TorchDistributed:
        return torch_distributed.TorchDistributedRunner(
            *(script + (master, hosts, host, interface)), instance_type=env.current_instance_type
        )
    if identifier is RunnerType.PyTorchXLA:
        return pytorch_xla.PyTorchXLARunner(*(script + (master, host, hosts, env.num_gpus)))
    raise ValueError("Invalid identifier %s" % identifier)


_NATIVE = {
    RunnerType.Process: process.ProcessRunner._runner,
    RunnerType.MPI: mpi.MasterRunner._runner,
    RunnerType.SMDataParallel: smdataparallel.SMDataParallelRunner._runner,
    RunnerType.TorchDistributed: torch_distributed.TorchDistributedRunner._runner,
    RunnerType.PyTorchXLA: pytorch_xla.PyTorchXLARunner._runner,
}


def _launch(identifier, extra_opts):
    """What a request has of its launch: with it, the job's other hosts hear of a failure."""
    if identifier not in _NATIVE:
        return {}
    return {"runner": _NATIVE[identifier], "extra": process._settings_of(extra_opts or {})}
