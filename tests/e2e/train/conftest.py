"""S3 for the tests of training: servers that others wrote, as tests/e2e/storage has them."""

import pathlib
import sys
import uuid

import pytest

# The servers of the storage tests, in whichever way pytest imports these.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "storage"))
import servers  # noqa: E402
from s3_fixtures import moto, s3proxy  # noqa: E402, F401


class Store:
    """A bucket, what a job needs to reach it, and a way to look into it that is not ours."""

    def __init__(self, endpoint, home):
        pytest.importorskip("boto3")
        self.endpoint = endpoint
        self.bucket = "test-" + uuid.uuid4().hex
        self.boto = servers.client_of(endpoint)
        self.boto.create_bucket(Bucket=self.bucket)
        self.variables = {
            **endpoint.environment,
            "HOME": str(home),
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "*",
        }

    def uri(self, key=""):
        return f"s3://{self.bucket}/{key}"

    def put(self, key, content):
        self.boto.put_object(Bucket=self.bucket, Key=key, Body=content)
        return self.uri(key)

    def get(self, key):
        return self.boto.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def keys(self):
        pages = self.boto.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))


@pytest.fixture
def store(moto, tmp_path):  # noqa: F811
    return Store(moto, tmp_path)


@pytest.fixture
def verifying_store(s3proxy, tmp_path):  # noqa: F811
    return Store(s3proxy, tmp_path)


@pytest.fixture
def fault_proxy():
    """fault_proxy(endpoint, plan): servers.FaultProxy."""
    return servers.FaultProxy
