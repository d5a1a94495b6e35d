"""What cannot work is one message with the remedy, before anything is started, and ends all hosts."""

import pathlib

import pytest

from cluster_job import OPENMPI5, SSHD

SCRIPT = "print('started', flush=True)\n"


def check_refused(end, *said):
    """Each host that fails by itself has one message; the others have the same, named."""
    assert end.code == 1, end
    assert "started" not in end.out
    for host in end.hosts:
        assert host.code == 1, host.log
        assert len(host.lines(" ERROR ")) == 1, host.log
        for text in said:
            assert text in host.report, host.log


def path_without(cluster, *names):
    """A PATH of one folder with the system's and the engine's programs, less these."""
    folder = cluster.local.base / "programs"
    folder.mkdir()
    for place in ("/usr/bin", "/bin", "/usr/sbin", str(SSHD)):
        for program in pathlib.Path(place).iterdir():
            link = folder / program.name
            if program.name not in names and not link.is_symlink():
                link.symlink_to(program)
    return str(folder)


@pytest.mark.parametrize(
    "missing, said",
    [
        ("mpirun", "there is no `mpirun` on the PATH"),
        ("sshd", "sshd"),
        ("ssh", "ssh"),
    ],
)
def test_a_program_is_missing(cluster, missing, said):
    # Under Open MPI of the system: its other programs are in the same folder.
    job = cluster.start(SCRIPT, hosts=2, path=path_without(cluster, missing))
    with job.event():
        job.wait_for("host ", 2)
    end = job.end()
    check_refused(end, said)
    print(end.host(1).report, end.host(2).report)


@pytest.mark.parametrize(
    "parameters, said",
    [
        ({"sagemaker_mpi_num_of_processes_per_host": 2, "sagemaker_mpi_num_processes": 5},
         "asks for 5 processes, and the 2 host(s) have 4 slot(s): lower it, or raise "
         "sagemaker_mpi_num_of_processes_per_host"),
        ({"sagemaker_mpi_custom_mpi_options": "-np 9"}, "-np in sagemaker_mpi_custom_mpi_options"),
        ({"sagemaker_mpi_custom_mpi_options": "-x 'A=B"}, "sagemaker_mpi_custom_mpi_options"),
        ({"sagemaker_mpi_enabled": "perhaps"}, "sagemaker_mpi_enabled"),
    ],
)  # fmt: skip
def test_a_wrong_setting(cluster, parameters, said):
    end = cluster.run(SCRIPT, hosts=2, hyperparameters=parameters)
    check_refused(end, said)


def test_torchrun_is_missing(cluster):
    end = cluster.run(
        SCRIPT, hosts=2, launcher="torch_distributed", path=path_without(cluster, "torchrun")
    )
    check_refused(end, "there is no `torchrun` on the PATH: install PyTorch")


def test_tensorflow_is_missing(cluster):
    end = cluster.run(SCRIPT, hosts=2, launcher="parameter_server", engine="system")
    check_refused(end, "has no module tensorflow")


def on_one_host(cluster, number, change, hosts=2, **options):
    """A job whose image differs on one host by what this shell command does there first."""
    entry = cluster.local.base / "entry"
    entry.write_text(
        f'#!/bin/sh\nif [ "$(uname -n)" = algo-{number} ]; then\n{change}\nfi\n'
        f'exec "{cluster.local.berth}" train\n'
    )
    entry.chmod(0o755)
    request = {"AlgorithmSpecification": {"ContainerEntrypoint": [str(entry)]}}
    script = cluster.mpi("print('started', flush=True)\nworld.Barrier()\n")
    return cluster.start(script, hosts=hosts, request=request, **options)


def wait_and_check(job, said, times=1):
    with job.event():
        job.wait_for(said, times)
    end = job.end()
    check_refused(end, said)
    return end


@pytest.mark.parametrize("number", [1, 2])
def test_the_entry_point_is_missing_on_one_host(cluster, number):
    job = on_one_host(cluster, number, "export SAGEMAKER_PROGRAM=gone.py", hosts=3)
    end = wait_and_check(job, "gone.py")
    for host in end.hosts:
        if host.name != f"algo-{number}":
            assert f"host algo-{number} could not start: " in host.report


def test_pip_cannot_install_on_one_host(cluster):
    (cluster.local.source / "requirements.txt").write_text("-r ${MORE}\n")
    more = cluster.local.base / "more.txt"
    more.write_text("pip\n")
    job = on_one_host(cluster, 2, "export MORE=/no/such.txt", variables={"MORE": str(more)})
    end = wait_and_check(job, "/no/such.txt")
    assert "host algo-2 could not start: " in end.host(1).report
    assert "InstallRequirementsError" in end.host(1).report


def test_sshd_is_missing_on_one_host(cluster):
    job = on_one_host(cluster, 2, f"PATH={OPENMPI5}:/usr/bin:/bin")
    end = wait_and_check(job, "sshd")
    assert "host algo-2 could not start: " in end.host(1).report


def test_host_names_that_come_late(cluster):
    # Their address is not known until the test says so.
    job = on_one_host(
        cluster, 1,
        """cp /etc/hosts /dev/shm/hosts
grep -v algo-2 /dev/shm/hosts > /etc/hosts
(while [ ! -e /opt/ml/checkpoints/go ]; do sleep 0.1; done; cat /dev/shm/hosts > /etc/hosts) &""",
    )  # fmt: skip
    job.wait_for("algo-2")
    job.wait_for("waiting for")
    (cluster.local.output / "checkpoints" / "go").touch()
    end = job.end()
    assert end.code == 0, end
    assert all(host.succeeded and host.lines("started") for host in end.hosts), end
