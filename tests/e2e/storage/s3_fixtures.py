"""Fixtures for whoever tests with S3: the two servers. Import them into a conftest.py."""

import os

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
    folder = tmp_path_factory.getbasetemp()
    # One server for all processes of a run: it takes long to start and to get fast.
    run = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with servers.shared_s3proxy(run) as endpoint:
        yield endpoint


@pytest.fixture(params=["moto", "s3proxy"])
def server(request):
    return request.getfixturevalue(request.param)
