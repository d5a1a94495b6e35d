"""A host of ranks: berth_ranks_tool runs the launcher beside this file, which starts `berth rank`s."""

import json
import os
import pathlib
import subprocess
import sys
import time

LAUNCHER = pathlib.Path(__file__).parent / "launcher.py"
PATIENCE = 60


class Ranks:
    def __init__(self, berth, folder):
        self.berth = berth
        self.events_file = folder / "events"
        self.events_file.touch()
        self.process = None

    def start(self, *program, count=2, rounds=1, variables=None, **options):
        tool = pathlib.Path(self.berth).parent / "berth_ranks_tool"
        assert tool.exists(), f"{tool} is missing: run `make build`"
        width = "several" if count > 1 else "single"
        launcher = [sys.executable, str(LAUNCHER), str(count), str(rounds), self.berth, "rank"]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        self.process = subprocess.Popen(
            [str(tool), "algo-1", width, str(self.events_file), *launcher, "--", *program],
            env=os.environ | (variables or {}),
            stdin=subprocess.PIPE,
            **options,
        )
        return self.process

    def order(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def finish(self):
        """(exit code, stdout, stderr) as bytes."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err

    def run(self, *program, **options):
        self.start(*program, **options)
        return self.finish()

    def events(self, kind):
        lines = self.events_file.read_text().splitlines(keepends=True)
        events = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in events if event["event"] == kind]

    def wait_for(self, kind, count):
        return wait_until(lambda: len(found := self.events(kind)) >= count and found)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.communicate()


def wait_until(holds):
    deadline = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(0.005)
    return found


def alive(pid):
    try:
        return ") Z " not in pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
