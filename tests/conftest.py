"""What a run of generated tests needs to be repeated, printed at its end. The same inputs each time,
so that a change is judged by what it does; `make conformance` draws others."""

import os

import pytest

SETTINGS = ("BERTH_CONFORMANCE_SEED", "BERTH_CONFORMANCE_COUNT")


def pytest_configure(config):
    # In the environment, so that every process of a run has the same.
    os.environ.setdefault(SETTINGS[0], "1")
    os.environ.setdefault(SETTINGS[1], "600")


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(" ".join(f"{name}={os.environ[name]}" for name in SETTINGS))


@pytest.fixture(scope="session")
def seed():
    """Printed at the end of a run; BERTH_CONFORMANCE_SEED repeats the run."""
    return int(os.environ["BERTH_CONFORMANCE_SEED"])


@pytest.fixture(scope="session")
def count():
    return int(os.environ["BERTH_CONFORMANCE_COUNT"])
