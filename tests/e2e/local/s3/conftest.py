"""Jobs whose data, checkpoints and artifacts are in S3: in two servers that others wrote."""

import io
import pathlib
import sys
import tarfile
import uuid

import pytest

boto3 = pytest.importorskip("boto3")
from botocore.config import Config  # noqa: E402

# The servers of the storage tests, in whichever way pytest imports these.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "storage"))
import servers  # noqa: E402


@pytest.fixture(scope="session")
def moto():
    with servers.moto() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def s3proxy(tmp_path_factory):
    if not servers.S3PROXY.exists():
        pytest.skip("scripts/fetch-s3proxy has not been run")
    with servers.s3proxy(tmp_path_factory.mktemp("s3proxy")) as endpoint:
        yield endpoint


@pytest.fixture(params=["moto", "s3proxy"])
def server(request):
    return request.getfixturevalue(request.param)


class Bucket:
    """A bucket of its own, seen through boto3."""

    def __init__(self, endpoint):
        self.boto = boto3.client(
            "s3", endpoint_url=endpoint.url, region_name="us-east-1",
            aws_access_key_id=endpoint.key, aws_secret_access_key=endpoint.secret,
            config=Config(request_checksum_calculation="when_required",
                          response_checksum_validation="when_required",
                          s3={"addressing_style": "path"}))  # fmt: skip
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
def bucket(server):
    return Bucket(server)


@pytest.fixture
def s3job(local, server, tmp_path):
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
