"""Berth's server as a child of the Python that a container starts."""

from __future__ import annotations

import os
import sys


def run(variables):
    """Runs `berth serve` with these variables until it ends.

    A SIGTERM to this process is passed on to it, if this is the main thread: requests that are here
    are finished, then this returns. Where this process is killed, the server ends in the same way.
    RuntimeError where the server ends with an error, which it has
    told itself; FileNotFoundError where there is none.
    """
    import signal
    import subprocess
    import threading

    import berth

    child = None
    asked = False

    def forward(_number, _frame):
        nonlocal asked
        asked = True
        if child is not None:
            child.send_signal(signal.SIGTERM)

    in_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, forward) if in_main else None
    try:
        variables = with_this_python(variables)
        ready = variables.get("BERTH_READY_FD", "")
        child = subprocess.Popen(
            [berth.binary(), "serve", "--parent", str(os.getpid())],
            env=variables,
            pass_fds=(int(ready),) if ready.isdigit() else (),
        )
        if asked:
            child.send_signal(signal.SIGTERM)
        try:
            code = child.wait()
        except KeyboardInterrupt:  # the terminal has sent it to both
            child.wait()
            raise
    finally:
        if in_main:
            signal.signal(signal.SIGTERM, before)
    if code != 0:
        raise RuntimeError(
            "the model server ended with exit code %d: what was wrong stands above" % code
        )


def with_this_python(variables):
    """A copy in which `python3`, which the workers are run with, is the Python that runs this."""
    import shutil

    variables = dict(variables)
    path = variables.get("PATH", os.defpath)
    found = shutil.which("python3", path=path)
    if not found or not _is_same(found, sys.executable):
        variables["PATH"] = os.path.dirname(sys.executable) + os.pathsep + path
    return variables


def _is_same(found, executable):
    # Not os.path.samefile(): a virtual environment's python3 is a link to the one that it is not.
    return os.path.dirname(os.path.abspath(found)) == os.path.dirname(executable)
