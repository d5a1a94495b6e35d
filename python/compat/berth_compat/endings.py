"""The exit code of a job whose function in Python has ended."""

from __future__ import annotations


def exit_code_of(error):
    """Of what the function raised, as `berth train` has it: the argument of SystemExit, 130 for
    KeyboardInterrupt, else the errno where it can be an exit code, else 1."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    code = error.code if isinstance(error, SystemExit) else getattr(error, "errno", 1)
    if isinstance(error, SystemExit) and (code is None or code == 0):
        return 0
    try:
        code = int(code)
    except (TypeError, ValueError):
        return 1
    return code if 0 < code < 256 else 1


def reportable(text):
    """The text as any report can have it: what is no character is written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
