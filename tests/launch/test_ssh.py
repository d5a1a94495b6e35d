"""The real OpenSSH takes the configuration that Berth makes for a job."""

import os
import subprocess
import time

import pytest
from launch_host import BUILD

SYSTEM = f"{BUILD}/openssh/usr/sbin:{BUILD}/venv-openmpi/bin:/usr/bin:/bin:/usr/sbin"
HOSTS = ["algo-1", "algo-2"]
MPI = {"sagemaker_mpi_enabled": True}


@pytest.fixture
def cluster(host, running):
    """The master, and a worker whose sshd listens."""
    variables = {"PATH": SYSTEM, "OMPI_MCA_a": "1", "LD_LIBRARY_PATH": "/x y", "OTHER": "no"}
    master = host(MPI, hosts_of_job=HOSTS, variables=variables)
    worker = host(MPI, hosts_of_job=HOSTS, current="algo-2", variables=variables)
    worker.make_plan(**{"algo-1": master.facts})
    master.make_plan(**{"algo-2": worker.facts})
    assert worker.plan["work"] == "master" and master.plan["work"] == "command"
    sshd = running(worker.start())
    limit = time.monotonic() + 60
    while not os.path.exists(worker.plan["ready_file"]):
        assert sshd.poll() is None and time.monotonic() < limit, "sshd does not listen"
        time.sleep(0.01)
    return master, worker


def ssh(master, *words):
    """As mpirun would, but for the address, which no test may add to /etc/hosts."""
    config = str(master.folder / "run" / "ssh" / "config")
    return subprocess.run(
        ["ssh", "-F", config, "-o", "HostName=127.0.0.1", *words],
        capture_output=True, text=True, timeout=60, check=False,
    )


def test_the_master_gets_in_and_finds_what_mpirun_needs(cluster):
    master, _ = cluster
    answer = ssh(master, "algo-2", "env")
    assert answer.returncode == 0, answer.stderr
    got = dict(line.split("=", 1) for line in answer.stdout.splitlines() if "=" in line)
    # A shell's start files may put more in front.
    assert got["PATH"].endswith(SYSTEM) and got["LD_LIBRARY_PATH"] == "/x y" and got["OMPI_MCA_a"] == "1"
    assert got["SM_CURRENT_HOST"] == "algo-2" and "OTHER" not in got


def test_another_key_does_not_get_in(cluster, tmp_path):
    master, _ = cluster
    key = str(tmp_path / "key")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    config = master.folder / "run" / "ssh" / "config"
    config.write_text(config.read_text().replace(str(master.folder / "run" / "ssh" / "id"), key))
    answer = ssh(master, "algo-2", "true")
    assert answer.returncode == 255 and "Permission denied" in answer.stderr


def test_a_host_with_another_key_is_not_talked_to(cluster):
    master, _ = cluster
    known = master.folder / "run" / "ssh" / "known_hosts"
    known.write_text(known.read_text().replace("AAAA", "AAAB", 1))
    answer = ssh(master, "algo-2", "true")
    assert answer.returncode == 255 and "verification failed" in answer.stderr


def test_nothing_is_written_but_in_the_private_directory(cluster):
    master, worker = cluster
    for made in (master, worker):
        assert not (made.folder / ".ssh").exists()
        assert (made.folder / "run").stat().st_mode & 0o777 == 0o700
