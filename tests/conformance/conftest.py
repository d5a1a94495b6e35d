"""The binary and the reference packages that are compared."""

import os
import pathlib
import random

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def berth():
    path = pathlib.Path(os.environ.get("BERTH", ROOT / "build" / "bin" / "berth"))
    assert path.exists(), f"{path} is missing: run `make build`"
    return str(path)


def interpreter(name):
    path = ROOT / "build" / name / "bin" / "python"
    assert path.exists(), f"{path} is missing: run `scripts/bootstrap`"
    return str(path)


@pytest.fixture(scope="session")
def sagemaker_training():
    return interpreter("venv-sagemaker-training"), "sagemaker_training"


@pytest.fixture(scope="session")
def sagemaker_containers():
    return interpreter("venv-sagemaker-containers"), "sagemaker_containers"


def pytest_configure(config):
    # In the environment, so that every process of a run has the same.
    os.environ.setdefault("BERTH_CONFORMANCE_SEED", str(random.SystemRandom().randrange(10**9)))
    os.environ.setdefault("BERTH_CONFORMANCE_COUNT", "2000")


def pytest_report_header(config):
    return [f"{name}={os.environ[name]}" for name in ("BERTH_CONFORMANCE_SEED", "BERTH_CONFORMANCE_COUNT")]


@pytest.fixture(scope="session")
def seed():
    """The header of a run prints it; BERTH_CONFORMANCE_SEED repeats the run."""
    return int(os.environ["BERTH_CONFORMANCE_SEED"])


@pytest.fixture(scope="session")
def count():
    return int(os.environ["BERTH_CONFORMANCE_COUNT"])
