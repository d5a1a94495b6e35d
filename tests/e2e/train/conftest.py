"""S3 for the tests of training: servers that others wrote, as tests/e2e/storage has them."""

import pathlib
import sys
import uuid

import pytest

STORAGE = pathlib.Path(__file__).resolve().parent.parent / "storage"


def servers():
    """The storage tests' helpers; a test that needs them is skipped where they cannot run."""
    pytest.importorskip("boto3")
    if str(STORAGE) not in sys.path:
        sys.path.insert(0, str(STORAGE))
    import servers as module

    return module


class Store:
    """A bucket, what a job needs to reach it, and a way to look into it that is not ours."""

    def __init__(self, endpoint, home):
        import boto3
        from botocore.config import Config

        self.endpoint = endpoint
        self.bucket = "test-" + uuid.uuid4().hex
        self.boto = boto3.client(
            "s3",
            endpoint_url=endpoint.url,
            region_name="us-east-1",
            aws_access_key_id=endpoint.key,
            aws_secret_access_key=endpoint.secret,
            config=Config(
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path"},
            ),
        )
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


@pytest.fixture(scope="session")
def moto_server():
    module = servers()
    pytest.importorskip("moto")
    with module.moto() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def verifying_server(tmp_path_factory):
    module = servers()
    if not module.S3PROXY.exists():
        pytest.skip("scripts/fetch-s3proxy has not been run")
    with module.s3proxy(tmp_path_factory.mktemp("s3proxy")) as endpoint:
        yield endpoint


@pytest.fixture
def store(moto_server, tmp_path):
    return Store(moto_server, tmp_path)


@pytest.fixture
def verifying_store(verifying_server, tmp_path):
    return Store(verifying_server, tmp_path)


@pytest.fixture
def fault_proxy():
    """fault_proxy(endpoint, plan): servers.FaultProxy."""
    return servers().FaultProxy
