#!/usr/bin/env python3
"""What a distributed job takes beside its script, over 2 and 4 hosts of this machine.

"start" is from the start of `berth train` on the hosts (the first line of their logs) to the first line of
the script on any host: codes in place, launcher found, hosts met, sshd up, mpirun or torchrun started, Python
started. "end" is from the script's last line to the end of the last host's `berth train`. "failure" is from
the moment in which one rank kills itself, while the others wait for it, to the end of the last host. MPI is
Open MPI with real sshd and mpi4py. Beside it `mpirun` alone on one host, with the same script, and the
reference's waits, which are fixed and read in its text: it cannot run here (it writes /etc, and wants the
image's own sshd).
"""

import argparse
import datetime
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

from supervisor import table

ROOT = pathlib.Path(__file__).resolve().parent.parent
BERTH = os.environ.get("BERTH", str(ROOT / "build/bin/berth"))
VENV = ROOT / "build/venv-openmpi/bin"
SSHD = ROOT / "build/openssh/usr/sbin"
LIMIT_SECONDS = 120
OURS = re.compile(r"\d{4}-\d\d-\d\dT\S+Z (INFO|WARN|ERROR) ")

MPI = """
import os, signal, time
print("first", time.time(), flush=True)
from mpi4py import MPI
world = MPI.COMM_WORLD
assert world.allreduce(1) == world.size
if os.environ.get("KILL") and world.rank == world.size - 1:
    print("last", time.time(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
world.Barrier()
print("last", time.time(), flush=True)
"""

# What a launcher without ranks of its own takes: each host's script, and nothing else.
PLAIN = """
import json, os, signal, time
print("first", time.time(), flush=True)
assert json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"]
if os.environ.get("KILL"):
    if os.environ["SM_CURRENT_HOST"] != "algo-1":
        print("last", time.time(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(100)
print("last", time.time(), flush=True)
"""


def environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SM_", "SAGEMAKER_", "BERTH_"))}
    return kept | {"PATH": f"{VENV}:{SSHD}:{kept['PATH']}"}


def times(text, word):
    """Of all lines "… word SECONDS" (a report quotes them, with more behind)."""
    return [float(seconds) for seconds in re.findall(rf"\b{word} (\d+\.\d+)$", text, re.MULTILINE)]


def job(folder, source, hosts, switch, kill):
    """(start, end) in seconds."""
    name = f"{source.parent.name}-{time.monotonic_ns()}"
    command = [BERTH, "local", "train", "--source", source.parent, "--entry-point", source.name,
               "--instance-count", str(hosts), "--hyperparameter", f"{switch}=true",
               "--output", folder / name]
    if kill:
        command += ["--env", "KILL=1"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=LIMIT_SECONDS)
    assert (done.returncode != 0) == kill, done.stdout + done.stderr
    logs = [(folder / name / "logs" / f"algo-{i + 1}.log") for i in range(hosts)]
    texts = [log.read_text() for log in logs]
    stamp = [line_time(text.splitlines()[0]) for text in texts]
    ended = [max(line_time(line) for line in text.splitlines() if OURS.match(line)) for text in texts]
    first = min(t for text in texts for t in times(text, "first"))
    last = max(t for text in texts for t in times(text, "last"))
    return first - min(stamp), max(ended) - last


def line_time(line):
    """Of a line of our own log."""
    return datetime.datetime.fromisoformat(line.split()[0].replace("Z", "+00:00")).timestamp()


def alone(source):
    """mpirun by itself: (to the first line, from the last line to the end)."""
    began = time.time()
    done = subprocess.run([VENV / "mpirun", "--allow-run-as-root", "--oversubscribe", "-np", "2",
                           VENV / "python", source], env=environment(), capture_output=True,
                          text=True, timeout=LIMIT_SECONDS)
    ended = time.time()
    assert done.returncode == 0, done.stderr
    return min(times(done.stdout, "first")) - began, ended - max(times(done.stdout, "last"))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-launch-") as work:
        work = pathlib.Path(work)
        scripts = {}
        for name, text, switch in (
                ("mpi", MPI, "sagemaker_mpi_enabled"),
                ("tensorflow", PLAIN, "sagemaker_multi_worker_mirrored_strategy_enabled")):
            (work / name).mkdir()
            scripts[name] = work / name / "train.py", switch
            scripts[name][0].write_text(text)
        rows = []
        for name, (source, switch) in scripts.items():
            for hosts in (2, 4):
                runs = [job(work, source, hosts, switch, False) for _ in range(options.rounds)]
                failures = [job(work, source, hosts, switch, True)[1] for _ in range(options.rounds)]
                rows.append((f"berth, {name}, {hosts} hosts",
                             f"{statistics.median(run[0] for run in runs):.2f}",
                             f"{statistics.median(run[1] for run in runs):.2f}",
                             f"{statistics.median(failures):.2f}"))
        by_itself = [alone(scripts["mpi"][0]) for _ in range(options.rounds)]
        rows.append(("mpirun by itself, 1 host, 2 ranks",
                     f"{statistics.median(run[0] for run in by_itself):.2f}",
                     f"{statistics.median(run[1] for run in by_itself):.2f}", ""))
        rows.append(("the reference's fixed waits, MPI", ">= 0 to 1, + ssh to each host in turn",
                     "30 (60 on workers)", "150 on workers"))
        print(f"\n{__doc__.strip()}")
        table(f"Seconds beside the script, median of {options.rounds} rounds",
              ("", "start", "end", "failure"), rows)


if __name__ == "__main__":
    sys.exit(main())
