"""Uploads what comes into output/intermediate, while the script runs; berth does the work."""

from __future__ import annotations

import os

from berth_compat import native


class Sync(object):
    """The uploads, as the process that does them: join() has it finish, and waits for that."""

    daemon = True

    def __init__(self, process):
        self._process = process

    @property
    def pid(self):
        return self._process.pid

    @property
    def exitcode(self):
        """None while it runs."""
        return self._process.poll()

    def is_alive(self):
        return self.exitcode is None

    def join(self, timeout=None):
        """Uploads the rest. Returns after `timeout` seconds at the latest."""
        import subprocess

        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            pass

    def terminate(self):
        self._process.terminate()


def start(location, region, endpoint_url, intermediate_path, logger, client_error):
    """A Sync, or None where there is nothing to do: no location, a local one (file://), or a folder
    that the platform takes care of because it is there. ValueError for any other address."""
    if not location or os.path.exists(intermediate_path):
        logger.debug("Could not initialize intermediate folder sync to s3.")
        return None
    from urllib import parse

    parts = parse.urlparse(location)
    if parts.scheme == "file":
        os.makedirs(intermediate_path)
        logger.debug("Local directory is used for output. No need to sync any intermediate output.")
        return None
    if parts.scheme != "s3":
        raise ValueError("Expecting 's3' scheme, got: %s in %s" % (parts.scheme, parts))
    import json
    import subprocess

    variables = {"AWS_REGION": region, "S3_ENDPOINT_URL": endpoint_url}
    asked = native.request(
        only="sync",
        uri=location,
        python=None,
        variables={name: value for name, value in variables.items() if value},
    )
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as begun:
        try:
            process = native.start(asked, result=write_end, stdin=subprocess.PIPE)
        finally:
            os.close(write_end)
        told = json.loads(begun.readline() or b'{"type": "", "message": "berth ended"}')
    if told["type"] is not None:
        process.stdin.close()
        process.wait()
        raise client_error(told["message"])
    return Sync(process)
