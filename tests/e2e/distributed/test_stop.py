"""The platform asks a job to stop: every rank gets the signal and its grace, and saves."""

import os
import signal
import time

import pytest

# Each rank saves on SIGTERM, which takes a moment, together with the others.
SAVES = """
asked = []
signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
print("ready", flush=True)
while not world.allreduce(len(asked)):
    time.sleep(0.01)
time.sleep(0.5)
world.Barrier()
open(f"/opt/ml/checkpoints/{rank}", "w").close()
print("saved", flush=True)
sys.exit(0)
"""


@pytest.mark.parametrize("engine", ["Open MPI 5", "Open MPI 4", "MPICH"])
@pytest.mark.parametrize("number", [1, 2])
def test_sigterm_on_one_host_stops_all_with_their_grace(cluster, engine, number):
    job = cluster.start(cluster.mpi(SAVES), hosts=2, ranks=2, engine=engine)
    job.wait_for("ready", 4)
    host = job.host(number)
    with job.event():
        host.kill(signal.SIGTERM)
    end = job.end()
    assert end.code == 1, end
    for host in end.hosts:
        assert host.code == 143, host.log
        assert f"stopped by Terminated on algo-{number}" in host.report, host.log
        assert len(host.lines("saved")) == 2, host.log
    assert sorted(os.listdir(cluster.local.output / "checkpoints")) == ["0", "1", "2", "3"]


def test_ctrl_c(cluster):
    job = cluster.start(cluster.mpi(SAVES), hosts=2, ranks=2)
    job.wait_for("ready", 4)
    with job.event():
        job.process.send_signal(signal.SIGINT)
    end = job.end()
    assert end.code == 130, end
    for host in end.hosts:
        assert host.code == 143, host.log
        assert len(host.lines("saved")) == 2, host.log


def test_ranks_that_do_not_end_are_killed_after_the_grace(cluster):
    script = """
signal.signal(signal.SIGTERM, lambda number, frame: print("not yet", flush=True))
print("ready", flush=True)
while True:
    time.sleep(0.1)
"""
    job = cluster.start(cluster.mpi(script), hosts=2, variables={"BERTH_GRACE_SECONDS": "2"})
    job.wait_for("ready", 2)
    host = job.host(2)
    with job.event():
        host.kill(signal.SIGTERM)
    end = job.end()
    assert [host.code for host in end.hosts] == [143, 143], end
    assert all(host.lines("not yet") for host in end.hosts), end


@pytest.mark.parametrize("number", [1, 2])
def test_while_mpirun_starts(cluster, number):
    # Open MPI 5 does not end then.
    job = cluster.start(cluster.mpi(SAVES), hosts=2, ranks=2)
    job.wait_for("the master is algo-1", 2)
    deadline = time.monotonic() + 60
    while not job.all(1, "mpirun") and not job.all(1, "prterun"):
        assert time.monotonic() < deadline, job.text
    host = job.host(number)
    with job.event():
        host.kill(signal.SIGTERM)
    end = job.end()
    assert [host.code for host in end.hosts] == [143, 143], end


def test_before_the_hosts_have_met(cluster):
    # algo-1 waits for a host that does not come up: the platform gives up.
    entry = cluster.local.base / "entry"
    entry.write_text(
        '#!/bin/sh\n[ "$(uname -n)" = algo-2 ] && { trap "exit 3" TERM; echo asleep; sleep 3600 & wait; }\n'
        f'exec "{cluster.local.berth}" train\n'
    )
    entry.chmod(0o755)
    request = {"AlgorithmSpecification": {"ContainerEntrypoint": [str(entry)]}}
    job = cluster.start("print('started')\n", hosts=2, request=request)
    job.wait_for("asleep")
    job.wait_for("[algo-1] ")
    job.wait_for("the master is algo-1")
    with job.event():
        job.process.send_signal(signal.SIGTERM)
    end = job.end()
    assert end.code == 143, end
    assert end.host(1).code == 143, end
    assert "started" not in end.out
