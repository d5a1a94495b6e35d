"""The binary and the reference packages that are compared."""

import os
import pathlib

import pytest

from interpreters import interpreter

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def berth():
    path = pathlib.Path(os.environ.get("BERTH", ROOT / "build" / "bin" / "berth"))
    assert path.exists(), f"{path} is missing: run `make build`"
    return str(path)


@pytest.fixture(scope="session")
def sagemaker_training():
    return interpreter("venv-sagemaker-training"), "sagemaker_training"


@pytest.fixture(scope="session")
def sagemaker_containers():
    return interpreter("venv-sagemaker-containers"), "sagemaker_containers"
