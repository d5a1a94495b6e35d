"""Jobs whose data, checkpoints and artifacts are in S3: in two servers that others wrote."""

import io
import pathlib
import sys
import tarfile
import uuid

import pytest

pytest.importorskip("boto3")

# The servers of the storage tests, in whichever way pytest imports these.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "storage"))
import servers  # noqa: E402
from s3_fixtures import moto, s3proxy, server  # noqa: E402, F401


class Bucket:
    """A bucket of its own, seen through boto3."""

    def __init__(self, endpoint):
        self.boto = servers.client_of(endpoint)
        self.name = "job-" + uuid.uuid4().hex
        self.boto.create_bucket(Bucket=self.name)

    def uri(self, key=""):
        return f"s3://{self.name}/{key}"

    def put(self, **objects):
        """put(**{"key": content})"""
        for key, content in objects.items():
            body = content.encode() if isinstance(content, str) else content
            self.boto.put_object(Bucket=self.name, Key=key, Body=body)

    def get(self, key):
        return self.boto.get_object(Bucket=self.name, Key=key)["Body"].read()

    def keys(self, prefix=""):
        pages = self.boto.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def archive(self, key):
        with tarfile.open(fileobj=io.BytesIO(self.get(key))) as tar:
            return {m.name: tar.extractfile(m).read().decode() for m in tar if m.isfile()}


@pytest.fixture
def bucket(server):  # noqa: F811
    return Bucket(server)


@pytest.fixture
def s3job(local, server, tmp_path):  # noqa: F811
    """local, with this server's address and keys in the environment of every job."""
    plain = local.environment
    home = tmp_path / "home"
    home.mkdir()
    kept = {"HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"} | server.environment
    local.environment = lambda **variables: plain(**(kept | variables))
    return local


def channel(name, uri, mode="File", **source):
    """An element of InputDataConfig; members of the channel itself have an upper-case name_."""
    own = {key[:-1]: source.pop(key) for key in list(source) if key.endswith("_")}
    return {"ChannelName": name, "InputMode": mode, **own,
            "DataSource": {"S3DataSource": {"S3Uri": uri, **source}}}  # fmt: skip


@pytest.fixture
def make_channel():
    return channel
