"""Gives the same cases to berth and to a reference, each at its best speed."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import threading

DRIVER = pathlib.Path(__file__).with_name("reference_driver.py")
THREADS = 4


class Reference:
    """A reference package in its own interpreter, answering case after case."""

    def __init__(self, interpreter, package, folder):
        home = folder / "reference-home"
        home.mkdir(parents=True)
        self.errors = open(home / "log", "w+")
        self.process = subprocess.Popen(
            [interpreter, "-u", str(DRIVER), package],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            # It makes folders where it finds none, and reads ~/.aws.
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "SAGEMAKER_BASE_DIR": str(home / "opt-ml"),
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_EC2_METADATA_DISABLED": "true",
                "PYTHONUTF8": "1",
            },
        )

    def answer(self, case, base, machine):
        case.write(base)
        self.send(case, base, machine)
        return self.receive()

    def send(self, case, base, machine):
        print(json.dumps({"base": str(base), "variables": case.variables, **machine}), file=self.process.stdin, flush=True)

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise AssertionError(f"the reference ended:\n{self.errors.read()[-4000:]}")
        return json.loads(line)

    def answers(self, jobs, machine):
        """One answer for each (case, base), whose files are written already."""

        def feed():
            for case, base in jobs:
                self.send(case, base, machine)

        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        answers = [self.receive() for _ in jobs]
        feeder.join()
        return answers

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=60)
        self.errors.close()


def run_berth(berth, case, base):
    """What `berth env` prints, or {"refused": its error}."""
    done = subprocess.run(
        [berth, "env", "--format", "json"],
        env={"PATH": os.environ["PATH"], "SAGEMAKER_BASE_DIR": str(base), **case.variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    if done.returncode == 0:
        return json.loads(done.stdout)
    assert done.returncode == 1, f"exit code {done.returncode}: {done.stderr!r}"
    return {"refused": done.stderr.decode()}


def run_berth_on_all(berth, jobs):
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda job: run_berth(berth, *job), jobs))


def machine_of(berth, case, base):
    """What berth counts on this machine: the reference is given the same."""
    case.write(base)
    variables = run_berth(berth, case, base)["variables"]
    return {
        "cpus": int(variables["SM_NUM_CPUS"]),
        "gpus": int(variables["SM_NUM_GPUS"]),
        "neurons": int(variables["SM_NUM_NEURONS"]),
    }
