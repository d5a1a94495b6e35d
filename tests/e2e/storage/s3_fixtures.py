"""Fixtures for whoever tests with S3: the two servers. Import them into a conftest.py."""

import pytest
import servers


@pytest.fixture(scope="session")
def moto():
    pytest.importorskip("moto")
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
