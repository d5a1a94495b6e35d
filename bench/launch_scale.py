"""How long the hosts of a job take to find each other, and to learn that one of them has failed.

The link of src/cluster alone, over the loopback device: the master in one process, all other hosts
in a second one, each with an address of 127.0.0.0/8 of its own and its own search for the master's
name. No interpreters, no launchers, no network's latency: what is left is the link's own cost, and
how it grows with the number of hosts.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOL = os.environ.get("BERTH_CLUSTER_TOOL", str(ROOT / "build" / "bin" / "berth_cluster_tool"))
SIZES = [2, 4, 16, 64, 256, 1000]
# One step of one size; far more than it takes.
LIMIT_SECONDS = 60
LATE_EVERY = 10
LATE_SECONDS = 2.0

# mpi.py of sagemaker-training-toolkit, from its text.
REFERENCE = """The reference's fixed waits, read in its mpi.py and not measured, for any number of hosts:
  start            0-1 s after the last host is up (both sides probe every second), and one ssh to
                   each worker, one after the other
  end              30 s at the master; at a worker 30 s, or 60 s where the master's file comes later
  failure          30 s at a worker, then polls of 30 s for a file that does not come; after 120 s
                   it probes the master: 150 s"""


class Tool:
    """One process of berth_cluster_tool; its lines are "SECONDS TEXT"."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [TOOL, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.killer = threading.Timer(LIMIT_SECONDS, self.process.kill)
        self.killer.start()

    def until(self, text):
        """The time and the text of the first line that begins so."""
        for line in self.process.stdout:
            seconds, _, what = line.rstrip().partition(" ")
            if what.startswith(text):
                return float(seconds), what
            if what.startswith("lost"):
                break
        sys.exit(f"berth_cluster_tool: {text!r} did not come (limit: {LIMIT_SECONDS} s)")

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self):
        self.killer.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def measure(hosts, late):
    """Seconds: to all ready, to all started, from a failure to all told, to the orderly end."""
    tools = [Tool("hub", 0, hosts - 1)]
    try:
        hub = tools[0]
        port = hub.until("listening")[1].split()[1]
        lateness = [LATE_EVERY, int(LATE_SECONDS * 1000)] if late else []
        tools.append(Tool("members", "loopback", port, hosts - 1, *lateness))
        members = tools[1]
        begun = members.until("begun")[0]
        ready = hub.until("all ready")[0]
        started = members.until("all started")[0]
        members.say("fail")
        failing = members.until("failing")[0]
        told = members.until("all told")[0]
        hub.until("all stopped")
        hub.say("close")
        closing = members.until("all left")[0]
        closed = hub.until("closed")[0]
        return ready - begun, started - begun, told - failing, max(closed, closing) - told
    finally:
        for tool in tools:
            tool.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, nargs="*", default=SIZES)
    sizes = parser.parse_args().hosts
    print("The link between a job's hosts over loopback, seconds:")
    print(f"{'hosts':>6} {'all started':>12} {'some late*':>11} {'all told':>9} {'end':>7}")
    rows = []
    for hosts in sizes:
        _, started, told, ended = measure(hosts, late=False)
        late = measure(hosts, late=True)[1]
        rows.append((hosts, started, told))
        print(f"{hosts:>6} {started:>12.3f} {late:>11.3f} {told:>9.4f} {ended:>7.3f}", flush=True)
    print(
        f"* every {LATE_EVERY}th host resolves the master's name only {LATE_SECONDS:g} s after the "
        "start, and asks once a second by then"
    )
    for title, column in (("start to all started", 1), ("failure to all told", 2)):
        longest = max(row[column] for row in rows)
        print(f"{title}:")
        for row in rows:
            print(f"{row[0]:>6} {'#' * max(1, round(60 * row[column] / longest))} {row[column]:.4f}")
    print(REFERENCE)


if __name__ == "__main__":
    main()
