"""sys.stdout and sys.stderr of a worker: whole lines, each with the id of the request that is run.

A line is written as `\\x1e<request id>\\x1f<line>\\n` while a request is run, and bare otherwise. One
whose level is known and is not INFO, a traceback or a line of the handler's logging, has that before
its `\\x1f`: `\\x1d` and D, W or E. What C code and child processes write goes past this, bare.
"""

import io
import logging
import os
import sys
import threading

from . import layout

# What is longer is cut into lines of this length, each with the request's id; together they stay
# below the 64 KiB at which the server cuts (src/serving/worker/lines.cc).
LIMIT = 63 << 10


# Of a traceback; what an exception has to say may be long.
_LONGEST_TRACE = 256 << 10

LEVELS = {"D": b"\x1dD", "I": b"", "W": b"\x1dW", "E": b"\x1dE"}


class Running:
    """Which request is run: the place of its slot in the arena, or -1. Of one for both streams."""

    def __init__(self):
        self.memory = None
        self.base = -1

    def prefix(self, level=b""):
        base = self.base
        if base < 0:
            return b"\x1e" + level + b"\x1f" if level else b""
        start = base + layout.REQUEST_ID
        length = self.memory[base + layout.REQUEST_ID_LENGTH]
        return b"\x1e" + self.memory[start : start + length] + level + b"\x1f"


class _Bytes(io.BufferedIOBase):
    """sys.stdout.buffer: bytes on their way into the same lines."""

    def __init__(self, lines):
        self._lines = lines
        self.raw = self

    def writable(self):
        return True

    def fileno(self):
        return self._lines.fileno()

    def write(self, data):
        with memoryview(data) as view:
            data = view.tobytes()
        self._lines.take(data)
        return len(data)

    def flush(self):
        self._lines.flush()

    def close(self):
        self.flush()


class Lines(io.TextIOBase):
    encoding = "utf-8"
    errors = "backslashreplace"
    newlines = None
    line_buffering = True
    mode = "w"

    def __init__(self, fd, name, running):
        self._fd = fd
        self.name = name
        self._running = running
        # A signal handler may print while its thread prints.
        self._lock = threading.RLock()
        self.pending = b""
        # Whether flush() lets an unfinished line wait for its end.
        self._whole = True
        self.buffer = _Bytes(self)

    def writable(self):
        return True

    def fileno(self):
        return self._fd

    def reconfigure(self, **_settings):
        """As io.TextIOWrapper has it; there is nothing to choose here."""

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not " + type(text).__name__)
        self.take(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def take(self, data):
        with self._lock:
            end = data.rfind(b"\n") + 1
            if end:
                self._emit(_cut(self.pending + data[:end]))
                self.pending = data[end:]
            else:
                self.pending += data
            if len(self.pending) > LIMIT:
                lines = _cut(self.pending)
                end = lines.rfind(b"\n") + 1
                self._emit(lines[:end])
                self.pending = lines[end:]

    def flush(self):
        if not self._whole:
            self.end_line()

    def close(self):
        self.flush()

    def put(self, text, level):
        """Lines of their own, of that level (of LEVELS)."""
        with self._lock:
            self.end_line()
            self._emit(_cut(text.encode("utf-8", "backslashreplace") + b"\n"), level)

    def end_line(self):
        """What is unfinished becomes a line."""
        with self._lock:
            if self.pending:
                line, self.pending = self.pending + b"\n", b""
                self._emit(line)

    def last_lines(self):
        """From now on flush() ends a line: the interpreter's end flushes a last time."""
        self._whole = False
        self.end_line()

    def in_child(self, is_worker):
        """After a fork: no lock of another thread, and nothing that the parent will write."""
        self._lock = threading.RLock()
        self.pending = b""
        self._whole = is_worker

    def _emit(self, lines, level=b""):
        if b"\x1e" in lines:  # only ours may mark a request
            lines = lines.replace(b"\x1e", b"\\x1e")
        prefix = self._running.prefix(level)
        if prefix:
            lines = prefix + lines[:-1].replace(b"\n", b"\n" + prefix) + b"\n"
        try:
            written = os.write(self._fd, lines)
            if written < len(lines):
                rest = memoryview(lines)[written:]
                while rest:
                    rest = rest[os.write(self._fd, rest) :]
        except OSError:
            pass  # nobody reads, or the handler closed it: no reason to fail a request


def _cut(lines):
    """The same with no line longer than LIMIT."""
    if len(lines) <= LIMIT:
        return lines
    cut = []
    for line in lines.split(b"\n"):
        cut += [line[at : at + LIMIT] for at in range(0, len(line) or 1, LIMIT)]
    return b"\n".join(cut)


class Output:
    """Both streams, in place of the interpreter's."""

    def __init__(self):
        self.running = Running()
        self.out = Lines(1, "<stdout>", self.running)
        self.err = Lines(2, "<stderr>", self.running)

    def install(self):
        sys.stdout = self.out
        sys.stderr = self.err

    def traceback(self, text):
        """On stderr, in lines of its own."""
        self.out.end_line()
        if text:
            self.err.put(text[:_LONGEST_TRACE].rstrip("\n"), LEVELS["E"])

    def end_request(self):
        if self.out.pending:
            self.out.end_line()
        if self.err.pending:
            self.err.end_line()
        self.running.base = -1

    def last_lines(self):
        self.out.last_lines()
        self.err.last_lines()

    def leave(self, why, status):
        """Ends the process at once: no exit hooks."""
        self.last_lines()
        self.traceback("berth_worker: " + why + "\n")
        os._exit(status)

    def in_child(self, is_worker):
        self.running.base = -1
        self.out.in_child(is_worker)
        self.err.in_child(is_worker)


class _Records(logging.Handler):
    """The handler's logging, where the handler has not configured that itself."""

    def __init__(self, output):
        super().__init__()
        self._output = output
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record):
        try:
            text = self.format(record)
            number = record.levelno
            level = "E" if number >= 40 else "W" if number >= 30 else "I" if number >= 20 else "D"
            self._output.out.end_line()
            self._output.err.put(text, LEVELS[level])
        except Exception:  # pylint: disable=broad-except
            self.handleError(record)


def install_logging(output, level):
    """logging from `level` on goes to the log, with its levels, until the user's code adds a handler
    or calls basicConfig(): it takes the place of logging's last resort, so that it is nobody's
    handler and is in nobody's way."""
    logging.lastResort = _Records(output)
    logging.getLogger().setLevel(level)
    configure = logging.basicConfig

    def basic_config(**settings):
        # logging.info() and its like call it without any where there is no handler.
        if settings:
            configure(**settings)

    logging.basicConfig = basic_config
