"""A distributed job on several hosts of this machine, with the real engines of scripts/bootstrap.

    def test_something(cluster):
        job = cluster.start(cluster.mpi(script), hosts=2, ranks=2)
        job.wait_for("ready", times=4)     # four ranks have printed such lines
        with job.event():                  # what follows is to end the job
            os.kill(job.find(2, "train.py"), signal.SIGKILL)
        end = job.end()
        end.host(1).code, end.host(1).report, end.host(1).log

Every job is asked for what docs/how-a-job-stops.md promises: after an event() it has ended within
ENDED seconds, and after the test no process and no temporary file of it is left.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import job_hosts
from local_job import DEADLINE

BUILD = pathlib.Path(__file__).resolve().parent.parent.parent.parent / "build"
OPENMPI5 = BUILD / "venv-openmpi" / "bin"
MPICH = BUILD / "venv-mpich" / "bin"
SSHD = BUILD / "openssh" / "usr" / "sbin"
SYSTEM = f"{SSHD}:/usr/bin:/bin:/usr/sbin:/sbin"

# {engine: the job's PATH}. Open MPI 4 and PyTorch are Debian's.
ENGINES = {
    "Open MPI 4": SYSTEM,
    "Open MPI 5": f"{OPENMPI5}:{SYSTEM}",
    "MPICH": f"{MPICH}:{SYSTEM}",
    "system": SYSTEM,
}

# A failed job has ended everywhere within 10 s of the event. This machine may be busy with others.
ENDED = 20

# Ranks that meet in what they do, and fail as they are told: "fail=RANK:WHAT".
MPI_HEAD = """
import os, signal, socket, sys, time
from mpi4py import MPI
world = MPI.COMM_WORLD
rank, size = world.Get_rank(), world.Get_size()
host = os.environ["SM_CURRENT_HOST"]
attempt = int(os.environ["BERTH_RESTART_COUNT"])
"""
# The same without MPI: ranks of torchrun or of a launcher that stands in for it.
PLAIN_HEAD = """
import os, signal, socket, sys, time
rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
host = os.environ["SM_CURRENT_HOST"]
attempt = int(os.environ.get("BERTH_RESTART_COUNT", 0))
"""


class HostEnd:
    """How one host's berth ended, by its own log."""

    def __init__(self, name, log):
        self.name = name
        self.log = log
        failed = re.search(
            r"the job failed with exit code (\d+)\n(.*?)(?=\n\d{4}-\d\d-\d\dT|\Z)", log, re.DOTALL
        )
        self.succeeded = "the job succeeded" in log
        self.code = int(failed[1]) if failed else None
        self.report = failed[2].strip() if failed else None

    def lines(self, text):
        return [line for line in self.log.splitlines() if text in line]


class End:
    def __init__(self, code, out, err, seconds, hosts):
        self.code = code
        self.out = out
        self.err = err
        self.seconds = seconds
        self.hosts = hosts

    def host(self, number):
        return self.hosts[number - 1]

    def __repr__(self):
        return f"exit code {self.code}\n{self.err}\n{self.out}"


class Job:
    def __init__(self, local, started, hosts):
        self.local = local
        self.started = started
        self.count = hosts
        self.process = started.process
        self._lines = []
        self._changed = threading.Condition()
        self._event = None
        self._error = []
        self._readers = [
            threading.Thread(target=self._read_output, daemon=True),
            threading.Thread(target=self._read_error, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read_output(self):
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line.decode(errors="replace"))
                self._changed.notify_all()
        with self._changed:
            self._lines.append(None)
            self._changed.notify_all()

    def _read_error(self):
        self._error.append(self.process.stderr.read().decode(errors="replace"))

    def wait_for(self, text, times=1):
        """Until so many lines with this text have come since the start."""

        def come():
            found = sum(1 for line in self._lines if line and text in line)
            return found >= times or self._lines[-1:] == [None]

        with self._changed:
            assert self._changed.wait_for(come, DEADLINE), f"no {times} x {text!r}: {self.text}"
            found = sum(1 for line in self._lines if line and text in line)
        assert found >= times, f"ended with {found} x {text!r}: {self.text}"

    @property
    def text(self):
        return "".join(line for line in self._lines if line) + "".join(self._error)

    def host(self, number):
        return job_hosts.Host(self.process.pid, number)

    def all(self, number, *words):
        """Pids of the host's processes that have all these words in their command lines."""
        found = self.host(number).processes().items()
        return sorted(pid for pid, line in found if all(word in line for word in words))

    def find(self, number, *words):
        found = self.all(number, *words)
        assert found, f"algo-{number} runs no {words}: {self.host(number).processes()}"
        return found[0]

    @contextlib.contextmanager
    def event(self):
        """Around what is to end the job."""
        yield
        self._event = time.monotonic()

    def kill(self, number, *words):
        pid = self.find(number, *words)
        with self.event():
            os.kill(pid, signal.SIGKILL)

    def end(self, within=ENDED):
        """Waits for the end. After an event it must come within so many seconds."""
        code = self.process.wait(timeout=DEADLINE)
        seconds = time.monotonic() - self._event if self._event else None
        for reader in self._readers:
            reader.join(DEADLINE)
        logs = [self.local.output / "logs" / f"algo-{i}.log" for i in range(1, self.count + 1)]
        hosts = [
            HostEnd(log.stem, log.read_text(errors="replace") if log.exists() else "")
            for log in logs
        ]
        out = "".join(line for line in self._lines if line)
        end = End(code, out, "".join(self._error), seconds, hosts)
        if seconds is not None:
            print(f"ended {seconds:.1f} s after the event")
            assert seconds < within, f"ended {seconds:.1f} s after the event: {end}"
        return end


class Cluster:
    def __init__(self, local):
        self.local = local
        self.jobs = []
        # Set where a berth is killed, which then cannot remove its own.
        self.leaves_files = False
        # Short: sockets have paths below it. Its name is in the environment of all that a job runs.
        self.temporary = pathlib.Path(tempfile.mkdtemp(prefix="bd-"))

    def mpi(self, text):
        """Code of a rank that has mpi4py."""
        return MPI_HEAD + text

    def plain(self, text):
        return PLAIN_HEAD + text

    def start(self, script, *arguments, hosts=2, ranks=1, engine="Open MPI 5", launcher="mpi",
              hyperparameters=None, variables=None, path=None, name="train.py", request=None):  # fmt: skip
        """Starts a job; `launcher` is the part of the switch's name, None for none."""
        parameters = {}
        if launcher:
            parameters[f"sagemaker_{launcher}_enabled"] = "true"
        if ranks != 1:
            parameters["sagemaker_mpi_num_of_processes_per_host"] = ranks
        parameters |= hyperparameters or {}
        words = []
        if request is not None:
            words.append(self.local.request(**request))
        if script is not None:
            words += self.local.code(script, name)
        if hosts > 1 and (request is None or "ResourceConfig" not in request):
            words += ["--instance-count", str(hosts)]
        for key, value in parameters.items():
            words += ["--hyperparameter", f"{key}={value}"]
        environment = {"PATH": path or ENGINES[engine], "TMPDIR": str(self.temporary)}
        if engine == "Open MPI 4":
            environment |= self._openmpi4()
        self.local.environment = self._environment(environment | (variables or {}))
        job = Job(self.local, self.local.start(*words, *arguments), hosts)
        self.jobs.append(job)
        return job

    def _openmpi4(self):
        """mpi4py of the other version's environment, which loads this one's library as well."""
        folder = self.local.base / "openmpi4"
        folder.mkdir(exist_ok=True)
        python = folder / "python3"
        python.write_text(f'#!/bin/sh\nexec {OPENMPI5}/python3 "$@"\n')
        python.chmod(0o755)
        return {"PATH": f"{folder}:{SYSTEM}", "MPI4PY_LIBMPI": "libmpi.so.40"}

    def run(self, script, *arguments, **options):
        return self.start(script, *arguments, **options).end()

    def _environment(self, changes):
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SM_", "SAGEMAKER_", "TRAINING_", "AWS_", "BERTH_"))
        }
        return lambda **variables: kept | changes | variables

    def left_behind(self):
        """{pid: command line} of what has this job's directory in its environment or its words."""
        token = str(self.temporary).encode()
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                words = (entry / "cmdline").read_bytes()
                if token in (entry / "environ").read_bytes() or token in words:
                    found[int(entry.name)] = words.replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
        return found

    def close(self):
        running = [job for job in self.jobs if job.process.poll() is None]
        for job in running:
            job.process.kill()
            job.process.wait()
        # What init collects has no command line any more, and what is being killed goes at once.
        deadline = time.monotonic() + 5
        while (left := self.left_behind()) and time.monotonic() < deadline:
            time.sleep(0.05)
        # torchrun leaves its folders of logs, which are empty.
        files = [p.name for p in self.temporary.iterdir() if not p.name.startswith("torchelastic_")]
        shutil.rmtree(self.temporary, ignore_errors=True)
        assert not left, left
        if not running and not self.leaves_files:
            assert not files, files

