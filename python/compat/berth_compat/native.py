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


def command(cmd, cwd, options):
    """The request to run `cmd` as subprocess.Popen(cmd, cwd=cwd, **options) would, with those of
    `options` taken out that are not berth's own Popen's. OSError where there is no such program or
    folder, as Popen has it."""
    import shutil

    argv = words([cmd] if isinstance(cmd, (str, bytes)) else cmd)
    if options.pop("shell", False):
        argv = ["/bin/sh", "-c"] + argv
    program = options.pop("executable", None)
    if program is not None:
        argv[:1] = words([program])
    cwd = os.path.abspath(cwd)
    if not os.path.isdir(cwd):
        raise _no_entry(cwd)
    if not argv:
        raise IndexError("the command is empty")
    variables = options.get("env") or os.environ
    if not os.path.dirname(argv[0]):
        found = shutil.which(argv[0], path=variables.get("PATH", os.defpath))
    else:
        found = os.path.exists(os.path.join(cwd, argv[0]))
    if not found:
        raise _no_entry(argv[0])
    return {"command": argv, "code_directory": cwd}


def _no_entry(name):
    import errno

    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def start(members, result=None, **options):
    """Starts berth on the request and returns the subprocess.Popen. `result`: the descriptor for
    the Result's line; `options` are Popen's. Where its stderr is read, berth adds nothing to it."""
    if options.get("stderr") is not None:
        members = dict(members, quiet=True)
    return _popen(members, result, options)


def run(members, **options):
    """Runs berth on the request to its end; returns the Result and the subprocess.Popen.

    Signals that would end this process go to the user's code meanwhile, which has a grace period
    to save its work. KeyboardInterrupt is raised when it has ended; a signal that came too late for
    a step that only prepares ends this process then. Where this process is killed, the user's code
    is ended, too.
    """
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as result, _Forwarding() as forwarding:
        try:
            if forwarding.active:
                options.setdefault("start_new_session", True)
            process = _popen(members, write_end, options, waited=True)
        finally:
            os.close(write_end)
        forwarding.to(process)
        text = _line(result.fileno(), process)
        code = process.wait()
    if forwarding.interrupted:
        raise KeyboardInterrupt
    told = _result(text, code)
    if told.type is None and "only" in members and forwarding.received:
        os.kill(os.getpid(), forwarding.received[0])
    return told, process


def _line(descriptor, process):
    """The Result's line. Its end of file may not come: a process that was forked meanwhile, on
    another thread, has the pipe, too."""
    import select

    text = b""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while not text.endswith(b"\n"):
        if poll.poll(1000):
            part = os.read(descriptor, 1 << 16)
            if not part:
                break
            text += part
        elif process.poll() is not None:
            break
    return text


def _popen(members, result, options, waited=False):
    import json
    import subprocess

    from berth import binary

    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as request:
        try:
            argv = [binary(), "entry-point", "--request-fd", str(read_end)]
            kept = [read_end, *options.pop("pass_fds", ())]
            if waited:
                argv += ["--parent", str(os.getpid())]
            if result is not None:
                argv += ["--result-fd", str(result)]
                kept.append(result)
            process = subprocess.Popen(argv, pass_fds=kept, **options)
            if "command" in members:
                process.args = members["command"]
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
        return Result("ExecuteUserScriptError", code or 1, "berth was killed or ended at once")
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
        self.received = []
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
        return self._signal.SIGINT in self.received

    def to(self, process):
        self._process = process
        for number in list(self.received):
            self._send(number)

    def _receive(self, number, _frame):
        self.received.append(number)
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
