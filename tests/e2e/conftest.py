"""What every end-to-end test has at hand: the binary, and a /opt/ml of its own."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

# Modules beside this file, in whichever way pytest imports this one.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from local_job import Local  # noqa: E402

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


@pytest.fixture
def local(berth, tmp_path):
    """`berth local train` with a folder of its own."""
    return Local(berth, tmp_path)


def _allowed(*command):
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def namespaces():
    if not _allowed("unshare", "--user", "--mount", "--pid", "--fork", "true"):
        pytest.skip("namespaces are forbidden here")


@pytest.fixture
def several_hosts():
    """For jobs with --instance-count: see job_hosts.py."""
    kinds = ("--user", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork")
    if not _allowed("unshare", *kinds, "true"):
        pytest.skip("namespaces are forbidden here")


@pytest.fixture
def forbidden():
    """A command that runs another where the kernel refuses namespaces."""
    command = (
        "unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
        'echo 0 > /proc/sys/user/max_user_namespaces\n'
        'echo 0 > /proc/sys/user/max_mnt_namespaces\n'
        'exec "$0" "$@"',
    )  # fmt: skip
    if not _allowed(*command, "true"):
        pytest.skip("namespaces cannot be forbidden here")
    return command
