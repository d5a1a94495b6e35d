"""Two hosts, each in a network namespace of its own, on one bridge whose port is pulled."""

import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOOL = pathlib.Path(os.environ.get("BERTH_CLUSTER_TOOL", ROOT / "build/bin/berth_cluster_tool"))
UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]
HOLD = ["sh", "-c", "echo; exec cat"]
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
LIMIT_SECONDS = 60


def _works():
    if not TOOL.exists() or None in map(shutil.which, ("unshare", "nsenter", "ip")):
        return False
    script = "ip link add br0 type bridge && ip link add v0 type veth peer name v1"
    return subprocess.run([*UNSHARE, "sh", "-c", script], check=False).returncode == 0


pytestmark = pytest.mark.skipif(not _works(), reason="needs the tool, namespaces and bridges")


class Process:
    """One end of berth_cluster_tool: its lines, and when each came on the monotonic clock."""

    def __init__(self, *argv):
        self.process = subprocess.Popen(argv, **PIPES)
        self.killer = threading.Timer(LIMIT_SECONDS, self.process.kill)
        self.killer.start()
        self.seen = []

    def until(self, text):
        for line in self.process.stdout:
            seconds, _, what = line.rstrip().partition(" ")
            self.seen.append(what)
            if what.startswith(text):
                return float(seconds), what
        raise AssertionError(f"{text!r} did not come, but {self.seen}")

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self):
        self.killer.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Hosts:
    """algo-1 (10.9.0.1) and algo-2 (10.9.0.2), joined."""

    def __init__(self):
        self.open = []
        first = self._hold(UNSHARE)
        self.enter = ["nsenter", "-t", str(first), "-U", "-n", "--preserve-credentials"]
        second = self._hold([*self.enter, "unshare", "--net"])
        enter_second = ["nsenter", "-t", str(second), "-U", "-n", "--preserve-credentials"]
        self._run(self.enter, "link", "add", "br0", "type", "bridge")
        self._run(self.enter, "link", "add", "port", "type", "veth", "peer", "name", "eth0")
        self._run(self.enter, "link", "set", "eth0", "netns", str(second))
        self._run(self.enter, "addr", "add", "10.9.0.1/24", "dev", "br0")
        for name in ("br0", "port"):
            self._run(self.enter, "link", "set", name, "up")
        self._run(enter_second, "addr", "add", "10.9.0.2/24", "dev", "eth0")
        self._run(enter_second, "link", "set", "eth0", "up")
        self.plug()
        self.hub = self._start(*self.enter, TOOL, "hub", "7788", "1")
        self.hub.until("listening")
        self.member = self._start(*enter_second, TOOL, "members", "10.9.0.1", "7788", "1")
        self.member.until("all started")

    def plug(self):
        self._run(self.enter, "link", "set", "port", "master", "br0")

    def pull(self):
        """Nothing passes any more, and neither host is told."""
        self._run(self.enter, "link", "set", "port", "nomaster")
        return time.monotonic()

    def end(self):
        for each in reversed(self.open):
            each.end()

    def _hold(self, how):
        holder = self._start(*how, *HOLD)
        holder.process.stdout.readline()
        return holder.process.pid

    def _start(self, *argv):
        self.open.append(Process(*argv))
        return self.open[-1]

    @staticmethod
    def _run(enter, *arguments):
        subprocess.run([*enter, "ip", *arguments], check=True)


@pytest.fixture
def hosts():
    hosts = Hosts()
    yield hosts
    hosts.end()


def test_a_cut_of_five_seconds_passes(hosts):
    cut = hosts.pull()
    hosts.member.say("fail")  # on its way while nothing passes
    while time.monotonic() < cut + 5:
        time.sleep(0.1)
    hosts.plug()
    hosts.hub.until("all stopped")
    hosts.hub.say("close")
    hosts.member.until("all left")
    hosts.hub.until("closed")
    assert not [line for line in hosts.hub.seen + hosts.member.seen if line.startswith("lost")]


def test_a_cut_for_good_is_seen_at_both_ends(hosts):
    cut = hosts.pull()
    why = (
        "nothing was heard of it for 7.5 s: its network is cut, or the host is gone or stands still"
    )
    seconds, line = hosts.hub.until("lost")
    assert line == f"lost algo-2: {why}"
    assert 6 < seconds - cut < 9
    seconds, line = hosts.member.until("lost")
    assert line == f"lost at algo-2: {why}"
    assert 6 < seconds - cut < 9


def test_a_host_that_stands_still_is_lost(hosts):
    stopped = time.monotonic()
    os.kill(hosts.member.process.pid, signal.SIGSTOP)
    seconds, line = hosts.hub.until("lost")
    assert line.startswith("lost algo-2: nothing was heard of it for 7.5 s")
    assert 6 < seconds - stopped < 9


def test_a_berth_that_is_killed_is_lost_at_once(hosts):
    killed = time.monotonic()
    hosts.member.process.kill()
    seconds, line = hosts.hub.until("lost")
    assert line == "lost algo-2: its berth ended: the connection was closed"
    assert seconds - killed < 2
