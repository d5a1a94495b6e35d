"""Where the program `berth` is."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def binary() -> str:
    """The path of the program `berth`: BERTH_BINARY where that is set; else the one that was
    installed with this package; else the first on the PATH. FileNotFoundError where there is none.
    """
    given = os.environ.get("BERTH_BINARY")
    if given:
        return given
    for folder in _folders():
        path = os.path.join(folder, "berth")
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(
        'there is no program "berth" beside this Python or on the PATH:'
        " install the package berth, or set BERTH_BINARY to its path"
    )


def _folders() -> Iterator[str]:
    # Where pip puts programs: beside the interpreter; for `pip install --user` and Debian's Python
    # in other folders, which sysconfig (2 ms to import) knows.
    yield os.path.dirname(sys.executable or "")
    # For `pip install --target`, beside the package.
    yield os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin")
    import sysconfig

    yield sysconfig.get_path("scripts")
    yield sysconfig.get_path("scripts", "posix_user")
    yield from os.environ.get("PATH", os.defpath).split(os.pathsep)
