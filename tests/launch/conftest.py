"""Hosts and processes that end with the test."""

import os
import signal

import pytest
from launch_host import Host


@pytest.fixture
def host(tmp_path):
    """host(...) makes a Host in a folder of its own; all end with the test."""
    hosts = []

    def make(hyperparameters, *, hosts_of_job=("algo-1",), current="algo-1", variables=None, command=("true",), python=""):
        made = Host(
            tmp_path / current, hyperparameters, list(hosts_of_job), current,
            variables or {}, list(command), python,
        )
        hosts.append(made)
        return made

    yield make
    for made in hosts:
        made.end()


@pytest.fixture
def running():
    """running(process) ends its whole session with the test."""
    processes = []

    def keep(process):
        processes.append(process)
        return process

    yield keep
    for process in processes:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
