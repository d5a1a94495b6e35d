"""Each real engine takes the command line that its launcher makes, and its ranks find each other."""

import socket

import pytest
from launch_host import BUILD

SYSTEM = f"{BUILD}/openssh/usr/sbin:/usr/bin:/bin:/usr/sbin"
OPENMPI5 = BUILD / "venv-openmpi" / "bin"
MPICH = BUILD / "venv-mpich" / "bin"
ENGINES = {
    "Open MPI v4": (SYSTEM, OPENMPI5, {"MPI4PY_LIBMPI": "libmpi.so.40"}),
    "Open MPI v5": (f"{OPENMPI5}:{SYSTEM}", OPENMPI5, {}),
    "MPICH Versi": (f"{MPICH}:{SYSTEM}", MPICH, {}),
}

SCRIPT = """
import os, socket, sys
from mpi4py import MPI
world = MPI.COMM_WORLD
total = world.allreduce(world.Get_rank() + 1)
if world.Get_rank() == 0:
    print(MPI.Get_library_version()[:11], total, socket.gethostname(), sys.argv[1:],
          os.environ["A"], os.environ["SM_CURRENT_HOST"])
if "--fail" in sys.argv and world.Get_rank() == 1:
    sys.exit(7)
"""

AWKWARD = ["a b", "$HOME;'\"", ""]


def job(host, engine, tmp_path, *arguments, switch="sagemaker_mpi_enabled", options="-x A='1 2' -x A=3"):
    path, python, variables = ENGINES[engine]
    (tmp_path / "train.py").write_text(SCRIPT)
    custom = "mpi" if switch == "sagemaker_mpi_enabled" else "distributed_dataparallel"
    made = host(
        {
            switch: True,
            "sagemaker_mpi_num_of_processes_per_host": 3,
            f"sagemaker_{custom}_custom_mpi_options": options,
        },
        # Resolves nowhere: the shim makes it this machine's name.
        hosts_of_job=["algo-nowhere"],
        current="algo-nowhere",
        variables={"PATH": path, **variables},
        command=[f"{python}/python", str(tmp_path / "train.py"), *arguments],
        python=f"{python}/python",
    )
    made.make_plan()
    return made


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "switch", ["sagemaker_mpi_enabled", "sagemaker_distributed_dataparallel_enabled"]
)
def test_ranks_find_each_other(host, running, tmp_path, engine, switch):
    made = job(host, engine, tmp_path, *AWKWARD, switch=switch)
    process = running(made.start(stdout=-1, stderr=-2))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert f"{engine} 6 algo-nowhere {AWKWARD} 3 algo-nowhere\n" in output


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rank_that_fails_ends_the_others_with_its_exit_code(host, running, tmp_path, engine):
    made = job(host, engine, tmp_path, "--fail")
    process = running(made.start(stdout=-1, stderr=-2))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 7, output


@pytest.mark.parametrize("engine", ["Open MPI v4", "Open MPI v5"])
@pytest.mark.parametrize(
    "options",
    [
        "-x A=3 -bind-to none -map-by node -mca btl self,tcp --mca btl_tcp_if_include lo",
        "-x A=3 --mca pml ob1 --mca pml ob1 -np 3 -np 3 --host algo-nowhere:3",
        "-x A=3 -npernode 3 --oversubscribe -verbose -tag-output",
    ],
)
def test_the_users_options_meet_no_second_of_ours(host, running, tmp_path, engine, options):
    made = job(host, engine, tmp_path, options=options)
    process = running(made.start(stdout=-1, stderr=-2))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert f"{engine} 6 algo-nowhere [] 3 algo-nowhere" in output


GLOO = """
import os, sys, torch
import torch.distributed as dist
dist.init_process_group("gloo")
total = torch.ones(1) * (dist.get_rank() + 1)
dist.all_reduce(total)
print(total.item(), dist.get_world_size(), sys.argv[1:])
"""


def free_port():
    """torchrun takes no port that the system chooses."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@pytest.mark.parametrize("options", ["", "--rdzv_backend c10d --max_restarts 1"])
def test_torchrun(host, running, tmp_path, options):
    (tmp_path / "train.py").write_text(GLOO)
    made = host(
        {
            "sagemaker_torch_distributed_enabled": True,
            "sagemaker_mpi_num_of_processes_per_host": 2,
            # The fixed port of a whole host would be in the way of other tests.
            "sagemaker_torch_distributed_custom_options": options
            + f" {'--rdzv_endpoint localhost:' if options else '--master_port '}{free_port()}",
        },
        variables={
            "PATH": "/usr/bin:/bin",
            "OMP_NUM_THREADS": "1",
            # PyTorch 1.13 under Python 3.11 fails at the default of these two.
            "PET_REDIRECTS": "1",
            "PET_TEE": "1",
        },
        command=["/usr/bin/python3", str(tmp_path / "train.py"), *AWKWARD],
        python="/usr/bin/python3",
    )
    made.make_plan()
    process = running(made.start(stdout=-1, stderr=-2))
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    assert output.count(f"3.0 2 {AWKWARD}\n") == 2, output
