"""examples/framework: a framework container's own main function, on the compatibility packages."""

import errno
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples" / "framework"
BERTH = os.environ.get("BERTH", str(ROOT / "build" / "bin" / "berth"))


@pytest.fixture
def job(tmp_path):
    """A job of the example's image: berth runs the framework's function."""
    base = tmp_path / "ml"
    config = base / "input" / "config"
    data = base / "input" / "data" / "train"
    for folder in (config, data, base / "model", base / "output"):
        folder.mkdir(parents=True)
    (data / "numbers").write_text("1\n2\n6\n")
    (config / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')

    class Job:
        def run(self, hyperparameters=(), channels=("train",), **variables):
            hyperparameters = {
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": str(EXAMPLE / "user"),
                **dict(hyperparameters),
            }
            (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
            described = {name: {"TrainingInputMode": "File"} for name in channels}
            (config / "inputdataconfig.json").write_text(json.dumps(described))
            path = [ROOT / "build" / "python", ROOT / "python" / "compat", EXAMPLE / "src"]
            kept = {
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("SM_", "SAGEMAKER_", "BERTH_"))
            }
            environment = {
                **kept,
                "SAGEMAKER_BASE_DIR": str(base),
                "SAGEMAKER_TRAINING_MODULE": "my_framework.training:main",
                "PYTHONPATH": os.pathsep.join(map(str, path)),
                "PATH": f"{ROOT / 'build' / 'venv' / 'bin'}:{os.environ['PATH']}",
                "BERTH_BINARY": BERTH,
                **variables,
            }
            return subprocess.run(
                [BERTH, "train"],
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )

        @property
        def failure(self):
            path = base / "output" / "failure"
            return path.read_text() if path.exists() else None

        def text(self, name):
            return (base / name).read_text()

    return Job()


def test_the_user_s_script_runs_with_what_the_framework_adds(job):
    ended = job.run({"epochs": "2"})
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "epoch 1: mean=3.0 threads=4\nepoch 2: mean=3.0 threads=4\n"
    assert job.text("model/mean") == "3.0\n"
    assert job.text("output/success") == ""
    assert job.failure is None


def test_a_client_error_is_reported_as_it_stands(job):
    assert job.run(channels=["other"]).returncode == 1
    assert job.failure == (
        'this framework reads its data from the channel "train", and the job has other'
    )


def test_a_framework_error_has_its_errno_as_exit_code(job):
    ended = job.run(MY_FRAMEWORK_LICENSE="/no/such/license")
    assert ended.returncode == errno.ENOENT
    assert job.failure.startswith(
        "framework error: FileNotFoundError: [Errno 2] the framework's license is missing: "
        "'/no/such/license'\nTraceback"
    )


def test_a_script_that_fails_is_the_user_s_error(job, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "train.py").write_text("raise ValueError('bad rate')\n")
    ended = job.run({"sagemaker_submit_directory": str(tmp_path / "mine")})
    assert ended.returncode == 1
    lines = job.failure.splitlines()
    assert lines[:3] == [
        "ExecuteUserScriptError:",
        "ExitCode 1",
        'ErrorMessage "ValueError: bad rate',
    ]
    assert lines[-1].endswith('train.py"')
