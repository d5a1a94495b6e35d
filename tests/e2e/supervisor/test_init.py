"""berth as PID 1 of a container-like namespace."""

import shutil
import subprocess

import pytest

UNSHARE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]


def as_init(container, *command):
    if shutil.which("unshare") is None or subprocess.run([*UNSHARE, "true"]).returncode != 0:
        pytest.skip("user and PID namespaces are forbidden here")
    done = subprocess.run(
        [*UNSHARE, container.berth, "run", "--", *command],
        env=container.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_orphans_do_not_stay_zombies(container):
    script = (
        "for i in 1 2 3 4 5 6 7 8 9; do (sh -c 'exit 3' &); done\n"
        "while grep -q '^State:.Z' /proc/[0-9]*/status 2>/dev/null; do sleep 0.01; done\n"
        "read pid rest </proc/1/stat; echo $PPID $pid; exit 9"
    )
    assert as_init(container, "sh", "-c", script) == (9, "1 1\n", "")


def test_a_daemon_that_holds_the_output_does_not_hold_up_the_end(container):
    assert as_init(container, "sh", "-c", "(setsid sleep 1000 &); echo done") == (0, "done\n", "")
