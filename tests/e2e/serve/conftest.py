import contextlib
import pathlib
import sys

import pytest

# The helpers beside the tests, in whichever way pytest imports these.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import serving_server  # noqa: E402

# A handler that does what the body says: "<what>[ <argument>]".
ZOO = (pathlib.Path(__file__).resolve().parent / "zoo.py").read_text()


class Place:
    """/opt/ml of a model with its code, and the servers that are started on it."""

    def __init__(self, berth, base):
        self.berth = berth
        self.base = pathlib.Path(base)
        self.code = self.base / "model" / "code"
        self.code.mkdir(parents=True)
        self.servers = []

    def handler(self, text, name="inference.py"):
        (self.code / name).write_text(text)
        return self

    def wait_for(self, name, line, times=1):
        """Until the handler has noted that so often."""
        path = self.base / name
        serving_server.until(
            lambda: path.exists() and path.read_text().splitlines().count(line) >= times,
            f"{line} in {name}",
        )

    def noted(self, name="noted"):
        path = self.base / name
        return path.read_text().splitlines() if path.exists() else []

    def go(self, name="go"):
        """What the handler's held() waits for."""
        (self.base / name).touch()

    def server(self, **variables):
        server = serving_server.Server(self.berth, self.base, **variables)
        self.servers.append(server)
        return server

    def serve(self, text=ZOO, **variables):
        """A server that is ready, with that handler."""
        self.handler(text)
        return self.server(**variables).start().ready()


@contextlib.contextmanager
def place_at(berth, base):
    """Every server that a test starts has ended with it, and so has all that descends from it. One
    that the test left running is asked to end, and has to do so as promised."""
    made = Place(berth, base)
    try:
        yield made
        for server in made.servers:
            if server.process is not None and server.process.poll() is None:
                assert server.stop() == 0, server.log.text
    finally:
        for server in made.servers:
            server.kill()


@pytest.fixture
def place(berth, tmp_path):
    with place_at(berth, tmp_path / "opt-ml") as made:
        yield made


@pytest.fixture(scope="module")
def shared_place(berth, tmp_path_factory):
    """For a server that many tests only ask."""
    with place_at(berth, tmp_path_factory.mktemp("opt-ml")) as made:
        yield made
