"""The hosts of a job that runs here (`berth local train --instance-count N`), from outside.

    def test_something(local, several_hosts):
        job = local.start(*local.code(SCRIPT), "--instance-count", "3")
        job.wait_for_all("[algo-1] ready", "[algo-2] ready", "[algo-3] ready")
        host = job.host(2)              # algo-2
        host.run("ip", "-br", "address")   # a program in its namespaces: CompletedProcess, as text
        host.cut()                      # nothing comes through any more, and nobody is told (no FIN)
        host.mend()                     # everything comes through again
        host.down(), host.up()          # its own eth0: the host itself sees that it has no network
        host.processes()                # {pid: command line}; pids as this test sees them
        host.kill()                     # kill -9 of its first process: the host is gone at once
        code, out, err = job.end()

Ask for a host when one of its lines has come: before that it may not be there yet. The fixtures
`local` and `several_hosts` (which skips where a machine forbids namespaces) are in conftest.py. What
a machine must have beside them: nsenter, and `ip` for cut(), mend(), down() and up(). As root and as
any other user: whoever started the job.

cut() takes down the host's port of the bridge that joins all hosts: packets vanish on the way, as with
a pulled cable, and the processes of the host see their connections stall. A cut of a few seconds
leaves TCP connections as they were. down() takes down the host's eth0, so that new connections fail at
once ("Network is unreachable"); its address is still there after up().
"""

import os
import pathlib
import re
import signal
import subprocess


def _parents():
    """{pid: parent's pid} of all processes."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:  # it has ended meanwhile
            continue
        # "pid (name) state ppid …", and the name may hold anything.
        parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    return parents


def children(pid):
    return sorted(child for child, parent in _parents().items() if parent == pid)


def descendants(pid):
    """The process and all that come from it."""
    parents = _parents()
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found


def _name(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


class Host:
    def __init__(self, platform, number):
        """`platform`: the pid of `berth local train`."""
        self.name = f"algo-{number}"
        keepers = [pid for pid in children(platform) if _name(pid) == f"berth {self.name}"]
        assert len(keepers) == 1, f"{self.name} does not run: {keepers}"
        self.keeper = keepers[0]
        self.init = children(self.keeper)[0]

    def run(self, *command, check=True, **options):
        """Runs a program in all the host's namespaces, to its end."""
        return self._enter(["-t", str(self.init), "--all", "--wd"], command, check, options)

    def processes(self):
        found = {}
        for pid in descendants(self.init):
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            found[pid] = b" ".join(words).decode(errors="replace").strip()
        return found

    def kill(self, number=signal.SIGKILL):
        os.kill(self.init, number)

    def cut(self):
        self._bridge("ip", "link", "set", self.name, "down")

    def mend(self):
        self._bridge("ip", "link", "set", self.name, "up")

    def down(self):
        self._network("ip", "link", "set", "eth0", "down")

    def up(self):
        self._network("ip", "link", "set", "eth0", "up")

    def _network(self, *command):
        """In its user and network namespaces alone: the programs are this machine's."""
        namespaces = ["-t", str(self.keeper), "--net"]
        if self._has_user_namespace():
            namespaces.append("--user")
        self._enter(namespaces, command, True, {})

    def _bridge(self, *command):
        """In the network namespace of the bridge, which the keeper has open (no process is in it)."""
        namespaces = []
        own = os.readlink(f"/proc/{self.keeper}/ns/net")
        for entry in pathlib.Path(f"/proc/{self.keeper}/fd").iterdir():
            kind = re.match(r"(user|net):\[", os.readlink(entry))
            if kind and os.readlink(entry) != own:
                namespaces.append(f"--{kind[1]}={entry}")
        self._enter(namespaces, command, True, {})

    def _has_user_namespace(self):
        return os.readlink(f"/proc/{self.keeper}/ns/user") != os.readlink("/proc/self/ns/user")

    def _enter(self, namespaces, command, check, options):
        options = {"capture_output": True, "text": True, "timeout": 120} | options
        done = subprocess.run(
            ["nsenter", "--preserve-credentials", *namespaces, "--", *command],
            check=False, **options,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{command}: {done.stderr}"
        return done
