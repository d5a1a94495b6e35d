"""Files and folders, and what S3 has of them."""

from __future__ import annotations

import contextlib
import os

from berth_compat import native


@contextlib.contextmanager
def tmpdir(suffix="", prefix="tmp", directory=None):
    """A folder for the block; removed behind it, whether or not the block raises."""
    import shutil
    import tempfile

    path = tempfile.mkdtemp(suffix=suffix, prefix=prefix, dir=directory)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def write_file(path, data, mode="w"):
    """Writes `data` to a file opened in `mode`."""
    with open(path, mode) as f:
        f.write(data)


def read_file(path, mode="r"):
    """All that a file opened in `mode` holds."""
    with open(path, mode) as f:
        return f.read()


def read_json(path):
    """The JSON value that a file holds. ValueError where it holds none."""
    import json

    with open(path, "r") as f:
        return json.load(f)


def fetch(uri, path, client_error, **members):
    """Puts the code of `uri` (S3, directory, .tar.gz, file) into the folder `path`.

    What is in a folder already stays; berth's log says so. No `uri`: the code is there already.
    `client_error` is raised where the code cannot be had.
    """
    if uri is None:
        os.makedirs(path, exist_ok=True)
        return
    asked = native.request(
        only="fetch",
        uri=os.fsdecode(uri),
        code_directory=os.path.abspath(path),
        python=None,
        **members
    )
    result, _ = native.run(asked)
    if result.type is not None:
        raise client_error(result.message)


def s3_download(url, dst, client_error):
    """The object `url` as the file `dst`. ValueError for what is no S3 address."""
    from urllib import parse

    parts = parse.urlparse(url)
    if parts.scheme != "s3":
        raise ValueError("Expecting 's3' scheme, got: %s in %s" % (parts.scheme, parts))
    asked = native.request(only="download", uri=url, destination=os.path.abspath(dst), python=None)
    result, _ = native.run(asked)
    if result.type is not None:
        raise client_error(result.message)
