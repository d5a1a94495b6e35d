"""What every end-to-end test has at hand: the binary, and a /opt/ml of its own."""

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON = ROOT / "build" / "venv" / "bin"


@pytest.fixture(scope="session")
def berth():
    """Path of the binary under test: $BERTH, else what `make build` left."""
    path = pathlib.Path(os.environ.get("BERTH", ROOT / "build" / "bin" / "berth"))
    assert path.exists(), f"{path} is missing: run `make build`"
    return str(path)


class Container:
    """A folder laid out as the platform lays out /opt/ml, and a way to run berth on it."""

    def __init__(self, berth, base):
        self.berth = berth
        self.base = pathlib.Path(base)
        self.config = self.base / "input" / "config"
        self.config.mkdir(parents=True)
        (self.base / "model").mkdir()
        (self.base / "output").mkdir()
        (self.base / "code").mkdir()
        self.hyperparameters()
        self.channels()
        self.resources()

    def hyperparameters(self, **values):
        (self.config / "hyperparameters.json").write_text(json.dumps(values))

    def channels(self, *names):
        channel = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}
        (self.config / "inputdataconfig.json").write_text(json.dumps({n: channel for n in names}))

    def resources(self, **changes):
        resources = {"current_host": "algo-1", "hosts": ["algo-1"]} | changes
        (self.config / "resourceconfig.json").write_text(json.dumps(resources))

    def code(self, name, text, mode=0o644):
        path = self.base / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def environment(self, **variables):
        """That of the test less what a job would read, with this container's folder."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SM_", "SAGEMAKER_", "TRAINING_", "AWS_", "BERTH_"))
        }
        path = f"{PYTHON}:{os.environ['PATH']}"
        return kept | {"SAGEMAKER_BASE_DIR": str(self.base), "PATH": path} | variables

    def start(self, *arguments, variables=None, **options):
        options = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        } | options
        return subprocess.Popen(
            [self.berth, *arguments], env=self.environment(**(variables or {})), **options
        )

    def run(self, *arguments, timeout=120, **options):
        """Runs berth to its end: (returncode, stdout, stderr) as text."""
        with self.start(*arguments, **options) as process:
            out, err = process.communicate(timeout=timeout)
        return process.returncode, (out or b"").decode(), (err or b"").decode()

    def train(self, **options):
        return self.run("train", **options)

    @property
    def failure(self):
        path = self.base / "output" / "failure"
        return path.read_text() if path.exists() else None

    @property
    def succeeded(self):
        return (self.base / "output" / "success").exists()


@pytest.fixture
def container(berth, tmp_path):
    return Container(berth, tmp_path / "opt-ml")
