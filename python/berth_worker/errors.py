"""What an exception means to the caller: status and body. The log gets the traceback."""

import json
import traceback

# Where in a request an exception arose.
DECODE, PREDICT, ENCODE = range(3)


class UnsupportedFormatError(Exception):
    """No default decode (415) or encode (406) of a content type."""


class RefusedError(Exception):
    """A body that could be decoded but must not be."""

    status_code = 400


OURS = (UnsupportedFormatError, RefusedError)

# Of an answer's message, in characters: an exception's text may be as long as what it is about.
_LONGEST = 64 << 10


def text_of(error):
    """str(error), whatever that does."""
    try:
        return str(error)
    except Exception:  # pylint: disable=broad-except
        return "(an error whose text cannot be made)"


def status_of(error, stage):
    """Status and message of the answer."""
    if isinstance(error, MemoryError):
        return 507, text_of(error) or "out of memory"
    # By name too: the handler may have called sagemaker_inference's decoder itself.
    if type(error).__name__ == "UnsupportedFormatError":
        return (406 if stage == ENCODE else 415), text_of(error)
    status = getattr(error, "status_code", None)
    if type(status) is not bool and isinstance(status, int) and 400 <= status <= 599:
        message = getattr(error, "message", None)
        return int(status), message if isinstance(message, str) else text_of(error)
    return 500, text_of(error)


def body(name, message, trace=None):
    if len(message) > _LONGEST:
        message = message[:_LONGEST] + "... (%d characters more)" % (len(message) - _LONGEST)
    fields = {"error": name, "error-message": message}
    if trace is not None:
        fields["traceback"] = trace
    return json.dumps(fields).encode()


def trace_of(error):
    """The traceback, from the first frame that is not the worker's own."""
    frames = error.__traceback__
    while frames is not None and _is_ours(frames):
        frames = frames.tb_next
    if frames is None:
        frames = error.__traceback__
    try:
        return "".join(traceback.format_exception(type(error), error, frames))
    except Exception:  # pylint: disable=broad-except
        return type(error).__name__ + ": " + text_of(error) + "\n"


def one_line(error):
    """`ValueError: what`, in one line."""
    text = text_of(error)
    line = type(error).__name__ + (": " + text if text else "")
    return " ".join(line.split())


def _is_ours(frame):
    return frame.tb_frame.f_globals.get("__package__") == __package__
