"""torchrun over two hosts, with Debian's PyTorch and gloo."""

import os
import signal

# PyTorch 1.13 under Python 3.11 fails at the default of the last two, 0.
VARIABLES = {"OMP_NUM_THREADS": "1", "PET_REDIRECTS": "1", "PET_TEE": "1"}
GLOO = """
import torch
import torch.distributed as dist
dist.init_process_group("gloo")
assert (rank, size) == (dist.get_rank(), dist.get_world_size())
"""
SUM = """
total = torch.ones(1) * (rank + 1)
dist.all_reduce(total)
print(f"rank {rank} of {size} on {host} {socket.gethostname()} sum {total.item()} {sys.argv[1:]}",
      flush=True)
dist.barrier()
"""
AWKWARD = 'a b"c\'d $HOME `x` ;&|*\\'


def start(cluster, text, **options):
    options = {"engine": "system", "launcher": "torch_distributed", "ranks": 2} | options
    options["variables"] = VARIABLES | options.get("variables", {})
    return cluster.start(cluster.plain(GLOO + text), **options)


def check_sums(end, arguments=()):
    assert end.code == 0, end
    for number, host in enumerate(end.hosts, 1):
        for rank in (2 * number - 2, 2 * number - 1):
            line = f"[{rank}, {host.name}] rank {rank} of 4 on {host.name} {host.name} sum 10.0"
            assert host.lines(f"{line} {list(arguments)}"), end
        assert host.succeeded


def test_ranks_of_both_hosts_compute_together(cluster):
    end = start(cluster, SUM, hyperparameters={"text": AWKWARD}).end()
    check_sums(end, ["--text", AWKWARD])


def test_elastic_ranks_start_again_by_themselves(cluster):
    script = """
if rank == 3 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
    raise ValueError("only once")
"""
    options = "--rdzv_backend c10d --max_restarts 2"
    end = start(
        cluster, script + SUM,
        hyperparameters={"sagemaker_torch_distributed_custom_options": options},
    ).end()  # fmt: skip
    check_sums(end)
    assert "ValueError: only once" in end.host(2).log


FAIL = """
print("ready", flush=True)
if rank == 3:
    raise ValueError("bad batch")
dist.barrier()
print("not reached", flush=True)
"""


def test_the_traceback_of_the_rank_that_failed_leads_the_report(cluster):
    job = start(cluster, FAIL)
    with job.event():
        job.wait_for("ValueError: bad batch")
    end = job.end()
    assert end.code == 1, end
    assert "not reached" not in end.out
    for host in end.hosts:
        assert host.code == 1, host.log
        assert 'ErrorMessage "rank 3 on algo-2: ValueError: bad batch\nTraceback' in host.report, host.log
        assert 'raise ValueError("bad batch")' in host.report


def test_torchrun_is_killed(cluster):
    job = start(cluster, "print('ready', flush=True)\ntime.sleep(3600)\n")
    job.wait_for("ready", 4)
    victim = job.find(2, "torchrun", "--no_python")
    with job.event():
        os.kill(victim, signal.SIGKILL)
    end = job.end()
    assert end.code == 1, end
    for host in end.hosts:
        assert host.code == 137, host.log
        assert "algo-2: torchrun was killed by signal 9 (Killed)" in host.report, host.log
