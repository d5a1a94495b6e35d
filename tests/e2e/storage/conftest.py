import os
import pathlib
import subprocess
import sys
import uuid

import pytest

pytest.importorskip("boto3")

# The helpers beside the tests, in whichever way pytest imports these.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import servers  # noqa: E402
from s3_fixtures import moto, s3proxy, server  # noqa: E402, F401

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def tool_path():
    path = pathlib.Path(os.environ.get("BERTH_STORAGE_TOOL", ROOT / "build/bin/berth_storage_tool"))
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return path


@pytest.fixture
def boto(server):  # noqa: F811
    return servers.client_of(server)


@pytest.fixture
def bucket(boto):
    name = "test-" + uuid.uuid4().hex
    boto.create_bucket(Bucket=name)
    return name


@pytest.fixture
def tool(tool_path, server, tmp_path):  # noqa: F811
    """tool("get", uri, file, …) -> CompletedProcess of berth_storage_tool; env=… adds variables."""
    home = tmp_path / "home"
    home.mkdir()

    def run(*words, env=None, timeout=120, ok=None, start=False):
        environment = {**servers.clean_environment(home), **server.environment, **(env or {})}
        environment = {name: value for name, value in environment.items() if value is not None}
        command = [tool_path, *map(str, words)]
        if start:
            return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE)
        done = subprocess.run(command, env=environment, timeout=timeout, capture_output=True)
        if ok is not None:
            assert (done.returncode == 0) == ok, done.stderr.decode()
        return done

    return run


@pytest.fixture
def no_leftovers(tmp_path):
    """Nothing that is half a file may stay behind, whatever happened."""
    yield
    assert not list(tmp_path.rglob("*.part"))
