"""A framework container's own function runs the user's script on all hosts of the job."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent

# What an image brings: the function, and the packages it uses.
FRAMEWORK = """
from sagemaker_training import entry_point, environment, runner

def main():
    env = environment.Environment()
    entry_point.run(
        env.module_dir, env.user_entry_point, env.to_cmd_args(), env.to_env_vars(),
        capture_error=True, runner_type=runner.MPIRunnerType,
        extra_opts={"sagemaker_mpi_num_of_processes_per_host": 2},
    )
"""
SUM = """
print(f"rank {rank} of {size} on {host}: {world.allreduce(rank)} {sys.argv[1:]}", flush=True)
if "fail" in sys.argv and rank == 3:
    raise ValueError("not this rank")
world.Barrier()
"""


@pytest.fixture
def image(cluster, tmp_path):
    """image(script, **options): a job of it, which names no launcher."""
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "my_framework.py").write_text(FRAMEWORK)
    path = [tmp_path / "image", ROOT / "build" / "python", ROOT / "python" / "compat"]

    def run(script, **options):
        variables = {
            "SAGEMAKER_TRAINING_MODULE": "my_framework:main",
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "BERTH_BINARY": cluster.local.berth,
        }
        words = [word for pair in variables.items() for word in ("--env", "=".join(pair))]
        return cluster.run(cluster.mpi(script), *words, launcher=None, **options)

    return run


def test_ranks_of_both_hosts_compute_together(image):
    end = image(SUM, hyperparameters={"text": "a b;c"})
    assert end.code == 0, end.host(1).log
    for rank in range(4):
        host = end.host(rank // 2 + 1)
        line = f"[{rank}, {host.name}] rank {rank} of 4 on {host.name}: 6 ['--text', 'a b;c']"
        assert host.lines(line), end
        assert host.succeeded


def test_a_rank_that_fails_ends_the_job_on_both_hosts_with_its_error(image):
    end = image(SUM, hyperparameters={"on": "fail"})
    assert end.code != 0, end
    for host in end.hosts:
        assert host.code == 1
        assert host.report.startswith("ExecuteUserScriptError:\nExitCode "), host.report
        assert "ValueError: not this rank" in host.report
