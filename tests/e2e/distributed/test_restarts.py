"""A job that failed or stands still starts again in place, from its checkpoint."""

import re

import pytest

# Counts in its checkpoint, and dies in each of the first attempts, on another rank each time.
DIES = """
path = f"/opt/ml/checkpoints/{rank}"
step = agree(int(open(path).read()) if os.path.exists(path) else 0)
print(f"attempt {attempt} of rank {rank} begins at step {step}", flush=True)
while step < 8:
    step += 1
    with open(path + ".new", "w") as file:
        file.write(str(step))
    os.replace(path + ".new", path)
    barrier()
    if step == 2 * (attempt + 1) and attempt < 3 and rank == attempt % size:
        os.kill(os.getpid(), signal.SIGKILL)
print(f"done in attempt {attempt}", flush=True)
"""
RESTARTS = {"sagemaker_max_restarts": 3}
MPI = "barrier, agree = world.Barrier, lambda step: world.allreduce(step, op=MPI.MIN)\n"
ALONE = "barrier, agree = lambda: None, lambda step: step\n"


def check_restarted(end, ranks):
    assert end.code == 0, end
    # What is said of a failure quotes them.
    log = "\n".join(host.log for host in end.hosts)
    begun = set(re.findall(r"attempt \d of rank \d begins at step \d", log))
    assert len(begun) == 4 * ranks
    for attempt in range(4):
        assert sum(f"attempt {attempt} of rank" in line for line in begun) == ranks
    # It went on, and did not start from nothing.
    last = [line for line in begun if "attempt 3 " in line]
    assert all(int(line.rpartition(" ")[2]) >= 5 for line in last), last
    assert sum(len(host.lines("done in attempt 3")) for host in end.hosts) == ranks
    assert all(host.succeeded for host in end.hosts)
    assert "starting again in place, 3 of 3 times" in end.host(1).log


@pytest.mark.parametrize("engine", ["Open MPI 5", "Open MPI 4", "MPICH"])
def test_a_rank_that_is_killed_three_times(cluster, engine):
    end = cluster.run(
        cluster.mpi(MPI + DIES), hosts=2, ranks=2, engine=engine, hyperparameters=RESTARTS
    )
    check_restarted(end, 4)


def test_a_script_alone_that_is_killed_three_times(cluster):
    end = cluster.run(
        cluster.plain(ALONE + DIES), hosts=1, launcher=None, hyperparameters=RESTARTS,
        engine="system",
    )  # fmt: skip
    check_restarted(end, 1)


def test_one_time_too_often(cluster):
    end = cluster.run(
        cluster.mpi(MPI + DIES), hosts=2, hyperparameters={"sagemaker_max_restarts": 2}
    )
    assert end.code == 1, end
    for host in end.hosts:
        assert host.code == 137
        assert " on algo-1: the script was killed by signal 9" in host.report, end
    assert "starting again in place, 2 of 2 times" in end.host(1).log


# In the first attempt one rank stops to work, and so all do.
STANDS = """
def inner_loop():
    while True:
        time.sleep(0.05)

print("ready", flush=True)
for i in range(10):
    print(f"step {i}", flush=True)
if rank == size - 1 and attempt == 0:
    inner_loop()
barrier()
print("done", flush=True)
"""
# More than the start of MPI takes on a busy machine: until then nothing is printed either.
SILENCE = {"sagemaker_watchdog_silence_seconds": 5}


def test_a_rank_that_hangs_is_found(cluster):
    job = cluster.start(cluster.mpi(MPI + STANDS), hosts=2, ranks=2, hyperparameters=SILENCE)
    with job.event():
        job.wait_for("step 9", 4)
    end = job.end()
    assert end.code == 1, end
    for host in end.hosts:
        assert host.code == 1, host.log
        assert "the watchdog ended the job: " in host.report, host.log
        # Of every rank: of one thread at least.
        stacks = host.lines("most recent call first")
        numbers = {line.partition(",")[0] for line in stacks}
        assert len(numbers) == 2, host.log
        assert host.lines('in <module>'), host.log
    assert end.host(2).lines("in inner_loop"), end
    print(end.host(1).report)


def test_a_job_that_stands_still_starts_again(cluster):
    end = cluster.run(
        cluster.mpi(MPI + STANDS), hosts=2, hyperparameters=SILENCE | {"sagemaker_max_restarts": 1}
    )
    assert end.code == 0, end
    assert all(host.succeeded and len(host.lines("done")) == 1 for host in end.hosts), end
    assert "starting again in place, 1 of 1 times, after: the watchdog" in end.host(1).log


def test_a_script_alone_that_hangs(cluster):
    end = cluster.run(
        cluster.plain(ALONE + STANDS), hosts=1, launcher=None, engine="system",
        hyperparameters={"sagemaker_watchdog_silence_seconds": 1},
    )  # fmt: skip
    assert end.code == 1, end
    host = end.host(1)
    assert host.code == 1
    assert "the watchdog ended the job: " in host.report
    assert host.lines("in inner_loop")


@pytest.mark.parametrize("launcher", ["mpi", None])
def test_a_value_out_of_bounds(cluster, launcher):
    script = """
for i in range(1000):
    print(f"loss={i / 10}", flush=True)
    time.sleep(0.01)
"""
    code = cluster.mpi(script) if launcher else cluster.plain(script)
    job = cluster.start(
        code, hosts=2 if launcher else 1, launcher=launcher,
        hyperparameters={"sagemaker_watchdog_regex": r"loss=(\\S+)".replace("\\\\", "\\"),
                         "sagemaker_watchdog_max": 3},
    )  # fmt: skip
    with job.event():
        job.wait_for("loss=3.1")
    end = job.end()
    assert end.code == 1, end
    for host in end.hosts:
        assert host.code == 1
        assert "the watchdog ended the job: " in host.report
        assert "printed 3.1" in host.report and "above 3" in host.report, host.report


def test_without_a_watchdog_the_longest_time_ends_it(cluster):
    job = cluster.start(
        cluster.mpi(MPI + STANDS), "--max-runtime", "4", hosts=2, ranks=2,
    )  # fmt: skip
    end = job.end()
    assert end.code == 124, end
    assert [host.code for host in end.hosts] == [143, 143], end
