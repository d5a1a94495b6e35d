"""Runs `berth entry-point`: fetching, installing, launching and supervising are the program's work.

The request and the result are JSON; docs/framework-containers.md has their members.
"""

from __future__ import annotations

import os
import sys


class Result(object):
    """How a request ended: `type` None for success, else the name of an error class; `code` the
    exit code; `message` the most telling lines first; `command` what was run; `error_tail` the end
    of its stderr, bytes."""

    __slots__ = ("type", "code", "message", "command", "error_tail")

    def __init__(self, type, code, message="", command="", error_tail=b""):
        self.type = type
        self.code = code
        self.message = message
        self.command = command
        self.error_tail = error_tail


def request(**members):
    """A request of the members that are set, with this interpreter for the user's code."""
    members.setdefault("python", python_executable())
    return {name: value for name, value in members.items() if value is not None}


def python_executable():
    """The path of this interpreter. RuntimeError where Python does not know it."""
    if not sys.executable:
        raise RuntimeError("Failed to retrieve the real path for the Python executable binary")
    return sys.executable


def words(command):
    """argv as text. TypeError for what no process can be given."""
    return [os.fsdecode(word) for word in command]


def start(members, result=None, **options):
    """Starts berth on the request and returns the subprocess.Popen. `result`: the descriptor for
    the Result's line; `options` are Popen's."""
    return _popen(members, result, options)


def run(members, **options):
    """Runs berth on the request to its end; returns the Result and the subprocess.Popen.

    Signals that would end this process go to the user's code meanwhile, which has a grace period
    to save its work. KeyboardInterrupt is raised when it has ended.
    """
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as result, _Forwarding() as forwarding:
        try:
            if forwarding.active:
                options.setdefault("start_new_session", True)
            process = _popen(members, write_end, options)
        finally:
            os.close(write_end)
        forwarding.to(process)
        text = result.read()
        code = process.wait()
    if forwarding.interrupted:
        raise KeyboardInterrupt
    return _result(text, code), process


def _popen(members, result, options):
    import json
    import subprocess

    from berth import binary

    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as request:
        try:
            argv = [binary(), "entry-point", "--request-fd", str(read_end)]
            kept = [read_end]
            if result is not None:
                argv += ["--result-fd", str(result)]
                kept.append(result)
            process = subprocess.Popen(argv, pass_fds=kept, **options)
        finally:
            os.close(read_end)
        try:
            request.write(json.dumps(members).encode())
            request.flush()
        except BrokenPipeError:
            pass  # it ended before it read all: its exit code says why
    return process


def _result(text, code):
    if not text:  # berth itself was killed
        code = 128 - code if code < 0 else code
        return Result("ExecuteUserScriptError", code or 1, "berth ended without a word")
    import json

    told = json.loads(text.decode())
    told["error_tail"] = os.fsencode(told["error_tail"])
    return Result(**told)


class _Forwarding(object):
    """Passes signals on to the child, where this is the main thread and nobody handles SIGTERM.

    The child is then in a session of its own, so that a signal to the whole group of processes
    reaches it once.
    """

    def __enter__(self):
        import signal
        import threading

        self._signal = signal
        self._process = None
        self._received = []
        self._before = {}
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        ):
            for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
                number = getattr(signal, name)
                handler = signal.getsignal(number)
                if handler in (signal.SIG_DFL, signal.default_int_handler):
                    self._before[number] = signal.signal(number, self._receive)
        return self

    @property
    def active(self):
        return bool(self._before)

    @property
    def interrupted(self):
        return self._signal.SIGINT in self._received

    def to(self, process):
        self._process = process
        for number in list(self._received):
            self._send(number)

    def _receive(self, number, _frame):
        self._received.append(number)
        if self._process is not None:
            self._send(number)

    def _send(self, number):
        try:
            self._process.send_signal(number)
        except ProcessLookupError:
            pass  # it has just ended

    def __exit__(self, *_exception):
        for number, handler in self._before.items():
            self._signal.signal(number, handler)
