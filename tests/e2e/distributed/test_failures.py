"""Something dies: the job ends on every host within seconds, and every host says who it was."""

import os
import re
import signal
import time

import pytest

# Every rank says that it is there, and then waits for the others, for ever.
HANG = """
print("ready", flush=True)
while True:
    time.sleep(0.05)
    world.Barrier()
"""
ENGINES = ["Open MPI 5", "Open MPI 4", "MPICH"]


def check_failed(end, code, *said):
    """The same exit code and the same report on every host that could write one."""
    assert end.code == 1, end
    for host in end.hosts:
        assert host.code == code, f"{host.name}: {host.log}"
        for text in said:
            assert text in host.report, f"{host.name}: {host.log}"
    assert len({host.report for host in end.hosts}) == 1


def hanging(cluster, hosts=2, ranks=2, **options):
    job = cluster.start(cluster.mpi(HANG), hosts=hosts, ranks=ranks, **options)
    job.wait_for("ready", hosts * ranks)
    return job


def rank_of(job, host):
    """A rank's own process, which is under `berth rank`."""
    return job.find(host, "-m mpi4py", "train.py")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("host", [1, 2])
def test_a_rank_is_killed(cluster, engine, host):
    job = hanging(cluster, engine=engine)
    victim = rank_of(job, host)
    with job.event():
        os.kill(victim, signal.SIGKILL)
    check_failed(job.end(), 137, f" on algo-{host}: the script was killed by signal 9 (Killed)")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_process_around_a_rank_is_killed(cluster, engine):
    job = hanging(cluster, engine=engine)
    job.kill(2, "berth rank")
    check_failed(job.end(), 137, " on algo-2: the script was killed by signal 9 (Killed)")


# mpirun, and what it has started on a worker.
PROGRAMS = {
    "Open MPI 5": ("prterun", "prted"),
    "Open MPI 4": ("mpirun", "orted"),
    "MPICH": ("mpirun", "hydra_pmi_proxy"),
}


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("engine", ENGINES)
def test_mpirun_is_killed(cluster, engine):
    job = hanging(cluster, engine=engine)
    victim = job.find(1, PROGRAMS[engine][0], " -np 4")
    with job.event():
        os.kill(victim, signal.SIGKILL)
    check_failed(job.end(), 137, "algo-1: mpirun was killed by signal 9 (Killed)")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_daemon_of_a_host_is_killed(cluster, engine):
    daemon = PROGRAMS[engine][1]
    job = hanging(cluster, engine=engine)
    victim = parent_of(job.find(2, "berth rank"))
    with job.event():
        os.kill(victim, signal.SIGKILL)
    end = job.end()
    if "signal 11" in end.host(1).report:
        # MPICH's ranks of the other host may crash at that, within the same milliseconds.
        assert engine == "MPICH", end
        return check_failed(end, 139, " on algo-1: the script was killed by signal 11")
    check_failed(
        end, 143, f" on algo-2: it was ended because {daemon}, which had started it, is gone"
    )


def test_sshd_is_killed(cluster):
    job = hanging(cluster)
    job.kill(2, "sshd", "-D")
    check_failed(
        job.end(), 137,
        "algo-2: sshd ended before the job did: was killed by signal 9 (Killed)",
    )  # fmt: skip


def test_a_session_of_sshd_is_killed(cluster):
    job = hanging(cluster)
    job.kill(2, "sshd: ", "@notty")
    end = job.end()
    code = end.host(1).code
    check_failed(end, code)
    # What that host sees of it, or what mpirun makes of it: whichever was first.
    assert re.search(
        r"rank \d on algo-2: it was ended because prted, which had started it, is gone"
        r"|algo-1: mpirun ended with exit code ",
        end.host(1).report,
    ), end


def test_a_host_is_killed(cluster):
    cluster.leaves_files = True
    job = hanging(cluster)
    host = job.host(2)
    with job.event():
        host.kill()
    end = job.end()
    assert end.code == 1, end
    assert "host algo-2 was lost: " in end.host(1).report, end


def test_the_masters_host_is_killed(cluster):
    cluster.leaves_files = True
    job = hanging(cluster)
    host = job.host(1)
    with job.event():
        host.kill()
    end = job.end()
    assert end.code == 1, end
    assert end.host(2).code, end
    assert 'the master "algo-1" was lost: ' in end.host(2).report, end


def test_a_host_is_cut_off_for_good(cluster):
    job = hanging(cluster)
    host = job.host(2)
    with job.event():
        host.cut()
    end = job.end()
    assert end.code == 1, end
    assert "host algo-2 was lost: " in end.host(1).report, end
    assert 'the master "algo-1" was lost: ' in end.host(2).report, end


def test_a_cut_of_five_seconds_is_survived(cluster):
    script = """
path = "/opt/ml/checkpoints/go"
print("ready", flush=True)
steps = 0
while not world.allreduce(os.path.exists(path)):
    time.sleep(0.01)
world.Barrier()
print("done", flush=True)
"""
    job = cluster.start(cluster.mpi(script), hosts=2)
    job.wait_for("ready", 2)
    host = job.host(2)
    host.cut()
    # The length of the cut is what is tested.
    time.sleep(5)
    host.mend()
    (cluster.local.output / "checkpoints" / "go").touch()
    end = job.end()
    assert end.code == 0, end
    assert all(host.succeeded and host.lines("done") for host in end.hosts), end


def test_a_rank_fails_while_others_wait_for_it(cluster):
    script = """
if rank == 3:
    sys.stderr.write("the third is bad\\n")
    sys.stderr.flush()
    os._exit(3)
world.Barrier()
"""
    job = cluster.start(cluster.mpi(script), hosts=2, ranks=2)
    with job.event():
        job.wait_for("the third is bad")
    end = job.end()
    check_failed(end, 3, 'ErrorMessage "rank 3 on algo-2: the third is bad"')


@pytest.mark.parametrize("engine", ENGINES)
def test_an_exception_in_one_rank(cluster, engine):
    script = """
if rank == 1:
    raise ValueError("bad batch")
world.Barrier()
"""
    job = cluster.start(cluster.mpi(script), hosts=2, ranks=1, engine=engine)
    with job.event():
        job.wait_for("ValueError: bad batch")
    end = job.end()
    code = end.host(1).code
    check_failed(end, code, "rank 1 on algo-2: ", "ValueError: bad batch", 'raise ValueError("bad')


def test_a_rank_fails_first_and_another_because_of_it(cluster):
    # They have a connection of their own, which ends with the first; so does the other soon: on a
    # busy machine hosts learn of either some ten milliseconds late.
    script = """
if rank == 1:
    server = socket.create_server(("", 7900))
    world.Barrier()
    peer, _ = server.accept()
    sys.stderr.write("bad batch\\n")
    sys.stderr.flush()
    os._exit(5)
world.Barrier()
peer = socket.create_connection(("algo-2", 7900))
peer.recv(1)
time.sleep(0.1)  # so long that the order is known
sys.stderr.write("peer is gone\\n")
sys.stderr.flush()
os._exit(6)
"""
    job = cluster.start(cluster.mpi(script), hosts=2, ranks=1)
    with job.event():
        job.wait_for("bad batch")
    check_failed(job.end(), 5, "rank 1 on algo-2: bad batch")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rank_calls_abort(cluster, engine):
    # The launcher of MPICH kills all ranks then, this one too.
    script = """
world.Barrier()
if rank == 3:
    world.Abort(5)
world.Barrier()
"""
    end = cluster.run(cluster.mpi(script), hosts=2, ranks=2, engine=engine)
    check_failed(end, 5, 'ErrorMessage "rank 3 on algo-2: ')
    reason = cluster.local.record["FailureReason"]
    assert reason.startswith("AlgorithmError: ExecuteUserScriptError:"), reason


def test_a_rank_ends_early_and_well(cluster):
    script = """
world.Barrier()
if rank == 3:
    os._exit(0)
time.sleep(1)  # nothing of MPI goes on: its end is known before theirs
world.Barrier()
"""
    end = cluster.run(cluster.mpi(script), hosts=2, ranks=2)
    assert end.code == 1, end
    assert "rank 3 on algo-2 had ended with exit code 0 before" in end.host(1).report, end


def test_the_log_has_the_launchers_command_and_not_its_excuses(cluster):
    end = cluster.run(cluster.mpi("if rank == 3:\n    sys.exit(7)\nworld.Barrier()\n"),
                      hosts=2, ranks=2)
    assert re.search(r" INFO  launch    running: mpirun --host ", end.host(1).log), end
    assert re.search(r" INFO  launch    running: \S*sshd -D ", end.host(2).log), end
    for host in end.hosts:
        assert "\0" not in host.log and "daemon failed to report" not in host.log, host.log
        assert host.lines(" ERROR ")[0].startswith("2"), host.log
