"""What `python3 <this folder, or the archive of it>` runs: one worker of `serve`."""

import sys


def _too_old():
    """Told to the server as what is wrong with the handler is. In the words of any Python 3."""
    import json
    import socket

    version = "%d.%d" % sys.version_info[:2]
    error = "%s is Python %s: serve needs 3.8 or newer" % (sys.executable, version)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, int(sys.argv[1]))
    message = {"type": "failed", "stage": "handler", "error": error, "traceback": ""}
    control.send(json.dumps(message).encode())
    sys.exit(1)


if sys.version_info < (3, 8):
    _too_old()

from berth_worker.main import main  # noqa: E402  pylint: disable=wrong-import-position

main()
