"""What it costs to stand between the platform and a script: start, memory, log throughput.

Berth, sagemaker-training and the bare script take turns in one run on one machine; only figures
that were taken side by side say anything.
"""

import argparse
import json
import os
import pathlib
import statistics
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BERTH = os.environ.get("BERTH", str(ROOT / "build" / "bin" / "berth"))
REFERENCE = ROOT / "build" / "venv-sagemaker-training" / "bin" / "train"
LINE = b"epoch 12 step 003456 loss 0.123456 accuracy 0.987654 throughput 1234.5 samples per second\n"

# The high-water marks of all processes between the benchmark and the script, in KiB.
PROBE = """#!/bin/sh
p=$PPID
while [ "$p" -gt 1 ] && [ "$p" != "$BENCH_PID" ]; do
  while read -r name value _; do
    case $name in VmHWM:) echo "$value" >>"$BENCH_MEMORY";; PPid:) next=$value;; esac
  done </proc/$p/status
  p=$next
done
"""


class Job:
    """A /opt/ml whose entry point is a shell script."""

    def __init__(self, folder, name, script):
        self.base = pathlib.Path(folder, name)
        config = self.base / "input" / "config"
        for path in (config, self.base / "code", self.base / "model", self.base / "output"):
            path.mkdir(parents=True)
        self.script = self.base / "code" / "train.sh"
        self.script.write_text(script)
        self.script.chmod(0o755)
        self.hyperparameters()
        files = {
            "inputdataconfig": {},
            # The reference waits up to 15 minutes for each name to resolve.
            "resourceconfig": {"current_host": "localhost", "hosts": ["localhost"]},
        }
        for file, content in files.items():
            (config / f"{file}.json").write_text(json.dumps(content))
        self.memory = self.base / "memory"
        self.environment = os.environ | {
            "SAGEMAKER_BASE_DIR": str(self.base),
            "BENCH_PID": str(os.getpid()),
            "BENCH_MEMORY": str(self.memory),
        }

    def hyperparameters(self, **values):
        path = self.base / "input" / "config" / "hyperparameters.json"
        path.write_text(json.dumps({"sagemaker_program": "train.sh"} | values))

    def ways(self):
        """Name -> argv, the bare script first."""
        ways = {
            "bare script": [str(self.script)],
            "berth run": [BERTH, "run", "--", str(self.script)],
            "berth train": [BERTH, "train"],
        }
        if REFERENCE.exists():
            ways["sagemaker-training"] = [str(REFERENCE)]
        return ways

    def run(self, argv):
        """Seconds to the end of its output and of the process, and the bytes that came out."""
        read_end, write_end = os.pipe()
        null = os.open(os.devnull, os.O_RDWR)
        count = [0]

        def drain():
            while n := os.splice(read_end, null, 1 << 20):
                count[0] += n

        reader = threading.Thread(target=drain)
        reader.start()
        start = time.perf_counter()
        actions = [
            (os.POSIX_SPAWN_DUP2, null, 0),
            (os.POSIX_SPAWN_DUP2, write_end, 1),
            (os.POSIX_SPAWN_DUP2, null, 2),
        ]
        pid = os.posix_spawn(argv[0], argv, self.environment, file_actions=actions)
        os.close(write_end)
        _, status = os.waitpid(pid, 0)
        reader.join()
        seconds = time.perf_counter() - start
        os.close(read_end)
        os.close(null)
        if status != 0:
            raise SystemExit(f"{argv} ended with status {status}")
        return seconds, count[0]

    def peak_mib(self, argv):
        self.memory.write_text("")
        self.run(argv)
        return sum(map(int, self.memory.read_text().split())) / 1024


def table(title, header, rows):
    print(f"\n{title}\n")
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, ["-" * w for w in widths], *rows]:
        cells = [str(c).ljust(w) if i == 0 else str(c).rjust(w)
                 for i, (c, w) in enumerate(zip(row, widths))]
        print("  ".join(cells))


def launch(folder, rounds):
    empty = Job(folder, "launch", "#!/bin/sh\nexit 0\n")
    probe = Job(folder, "memory", PROBE)
    times = {name: [] for name in empty.ways()}
    for i in range(rounds):
        for name, argv in empty.ways().items():
            if name != "sagemaker-training" or i < 10:
                times[name].append(empty.run(argv)[0] * 1000)
    bare = statistics.median(times["bare script"])
    rows = []
    for name, argv in probe.ways().items():
        median = statistics.median(times[name])
        added = "" if name == "bare script" else f"{median - bare:.2f}"
        memory = "" if name == "bare script" else f"{probe.peak_mib(argv):.1f}"
        rows.append((name, f"{median:.2f}", f"{min(times[name]):.2f}", added, memory))
    table(f"Launch of a script that does nothing, {rounds} rounds (reference: at most 10)",
          ("", "median ms", "best ms", "added ms", "peak MiB"), rows)


def throughput(folder, megabytes, reference_megabytes):
    piece = pathlib.Path(folder, "piece.log")
    size = 16 << 20
    piece.write_bytes((LINE * (size // len(LINE) + 1))[:size])
    rows, bare = [], 0.0

    def job(name, total):
        files = " ".join([str(piece)] * max(1, (total << 20) // size))
        return Job(folder, name, PROBE.replace("p=$PPID", f"cat {files}\np=$PPID", 1))

    large = job("large", megabytes)
    small = job("small", reference_megabytes)
    for name in large.ways():
        which = small if name == "sagemaker-training" else large
        which.memory.write_text("")
        runs = [which.run(which.ways()[name]) for _ in range(1 if which is small else 3)]
        seconds, count = min(runs)
        rate = count / seconds / 1e6
        bare = bare or rate
        marks = list(map(int, which.memory.read_text().split()))
        peak = "" if name == "bare script" else f"{sum(marks) / len(runs) / 1024:.1f}"
        rows.append((name, f"{count / 1e6:.0f}", f"{rate:.1f}", f"{bare / rate:.1f}", peak))
    table("A log through a pipe (best of 3; reference: one run of a smaller log)",
          ("", "MB", "MB/s", "times slower than bare", "peak MiB"), rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--megabytes", type=int, default=2048)
    parser.add_argument("--reference-megabytes", type=int, default=64)
    options = parser.parse_args()
    if not REFERENCE.exists():
        print(f"{REFERENCE} is missing: no comparison (scripts/bootstrap makes it)")
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as folder:
        launch(folder, options.rounds)
        throughput(folder, options.megabytes, options.reference_megabytes)


if __name__ == "__main__":
    main()
