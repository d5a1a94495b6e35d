"""A limit of time for a block of code."""

from __future__ import annotations

import contextlib
import signal


class TimeoutError(Exception):
    """The time is over. Not the built-in of that name."""


@contextlib.contextmanager
def timeout(seconds=0, minutes=0, hours=0):
    """Raises TimeoutError in the block when the time is over. By SIGALRM: main thread only."""
    limit = seconds + 60 * minutes + 3600 * hours

    def over(_number, _frame):
        raise TimeoutError("timed out after {} seconds".format(limit))

    try:
        signal.signal(signal.SIGALRM, over)
        signal.setitimer(signal.ITIMER_REAL, limit)
        yield
    finally:
        signal.alarm(0)
