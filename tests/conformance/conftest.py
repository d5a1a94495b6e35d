"""The binary and the reference packages that are compared."""

import os
import pathlib

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


@pytest.fixture(scope="session")
def seed():
    """Printed at the end of a run; BERTH_CONFORMANCE_SEED repeats the run."""
    return int(os.environ["BERTH_CONFORMANCE_SEED"])


@pytest.fixture(scope="session")
def count():
    return int(os.environ["BERTH_CONFORMANCE_COUNT"])
