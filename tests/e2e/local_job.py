"""A folder to run `berth local train` in, and what it leaves there. Its fixtures: conftest.py."""

import json
import os
import pathlib
import signal
import subprocess
import tarfile

import job_hosts

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Any limit on a wait here: long enough for a slow machine, short enough to see a hang.
DEADLINE = 120


class Started:
    """A job that runs, with the pipe of its log."""

    def __init__(self, process):
        self.process = process

    def wait_for(self, text):
        """Reads the log up to a line that holds this text."""
        for line in self.process.stdout:
            if text.encode() in line:
                return
        raise AssertionError(f"the log ended without {text!r}: {self.process.stderr.read()!r}")

    def wait_for_all(self, *texts):
        """The same for several texts, whose lines come in any order."""
        missing = set(texts)
        for line in self.process.stdout:
            missing = {text for text in missing if text.encode() not in line}
            if not missing:
                return
        raise AssertionError(f"the log ended without {missing}: {self.process.stderr.read()!r}")

    def host(self, number):
        """algo-<number> of a job of several hosts: see job_hosts.py."""
        return job_hosts.Host(self.process.pid, number)

    def send(self, number):
        self.process.send_signal(number)

    def end(self):
        out, err = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


class Local:
    def __init__(self, berth, base):
        self.berth = berth
        self.base = base
        self.output = base / "job"
        self.source = base / "source"
        self.source.mkdir()

    def code(self, text, name="train.sh"):
        """The user's code; "train.sh" gets its first line."""
        if name.endswith(".sh"):
            text = "#!/bin/sh\n" + text
        (self.source / name).write_text(text)
        return ("--source", str(self.source), "--entry-point", name)

    def data(self, name="data", **files):
        folder = self.base / name
        folder.mkdir()
        for file, text in files.items():
            (folder / file).write_text(text)
        return folder

    def request(self, **members):
        path = self.base / "request.json"
        path.write_text(json.dumps(members))
        return str(path)

    def environment(self, **variables):
        left_out = ("SM_", "SAGEMAKER_", "TRAINING_", "AWS_", "BERTH_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
        kept["PATH"] = f"{ROOT}/build/venv/bin:{kept['PATH']}"
        return kept | variables

    def start(self, *arguments, prefix=(), variables=None):
        """Starts a job that leaves its files in self.output, unless that is None."""
        if self.output is not None:
            arguments = (*arguments, "--output", str(self.output))
        return Started(
            subprocess.Popen(
                [*prefix, self.berth, "local", "train", *arguments],
                cwd=self.base,
                env=self.environment(**(variables or {})),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # As from a terminal: not ignored, as in the background of a shell.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
        )

    def run(self, *arguments, **options):
        """Runs a job to its end: (exit code, stdout, stderr)."""
        return self.start(*arguments, **options).end()

    @property
    def record(self):
        return json.loads((self.output / "job.json").read_text())

    @property
    def metrics(self):
        return json.loads((self.output / "metrics.json").read_text())

    @property
    def log(self):
        return self.log_of(1)

    def log_of(self, number):
        return (self.output / "logs" / f"algo-{number}.log").read_text()

    def archive(self, name):
        """{name: content} of an archive's files."""
        with tarfile.open(self.output / name) as tar:
            return {
                member.name: tar.extractfile(member).read().decode()
                for member in tar
                if member.isfile()
            }
