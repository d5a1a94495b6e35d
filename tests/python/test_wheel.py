"""The wheels that `make wheel` left in dist/, in a fresh virtual environment that has nothing else."""

import http.client
import json
import os
import pathlib
import signal
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Any limit on a wait here.
DEADLINE = 120


class Environment:
    def __init__(self, folder):
        self.folder = folder
        self.bin = folder / "bin"
        self.site = folder / "lib/python3.11/site-packages"
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", folder], check=True)

    def pip(self, *arguments):
        command = [ROOT / "build/venv/bin/pip", "--python", self.bin / "python", *arguments]
        options = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(ROOT / "dist"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        return subprocess.run(
            command, env={**os.environ, **options}, capture_output=True, text=True, timeout=DEADLINE
        )

    def install(self, *names):
        done = self.pip("install", *names)
        assert done.returncode == 0, done.stderr
        return self

    def variables(self, **variables):
        return {"PATH": "%s:/usr/bin:/bin" % self.bin, **variables}

    def run(self, program, *arguments, **variables):
        return subprocess.run(
            [self.bin / program, *arguments],
            env=self.variables(**variables),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )

    def files(self):
        return {
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if "__pycache__" not in path.parts
        }


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("venv") / "v").install("berth")


def version():
    return subprocess.run([ROOT / "build/bin/berth", "--version"], capture_output=True, text=True, check=True).stdout


def test_the_binary(installed):
    assert installed.run("berth", "--version").stdout == version()
    assert (installed.bin / "berth").stat().st_mode & 0o777 == 0o755
    for name in ("train", "serve"):
        help_text = installed.run(name, "--help").stdout
        assert help_text == installed.run("berth", name, "--help").stdout
        assert "Usage: " in help_text


def test_train_and_serve_can_be_linked_to(installed, tmp_path):
    (tmp_path / "anything").symlink_to(installed.bin / "train")
    done = subprocess.run([tmp_path / "anything", "--help"], env={}, capture_output=True, text=True, timeout=DEADLINE)
    assert done.stdout == installed.run("berth", "train", "--help").stdout


def test_a_launcher_without_its_binary_says_so(installed, tmp_path):
    launcher = tmp_path / "train"
    launcher.write_bytes((installed.bin / "train").read_bytes())
    launcher.chmod(0o755)
    done = subprocess.run([launcher], env={}, capture_output=True, text=True, timeout=DEADLINE)
    assert (done.returncode, done.stderr) == (
        1,
        'train: cannot start "%s/berth": No such file or directory; install the package berth again\n' % tmp_path,
    )


def test_the_package_without_numpy(installed):
    code = """
import berth, os
from berth import _core
print(berth.__version__, berth.binary())
print(_core.serving_environment({})["port"])
try:
    _core.json_decode("[1]")
except ImportError as error:
    print(error)
"""
    done = installed.run("python", "-c", code)
    assert done.stdout.splitlines() == [
        "%s %s" % (version().split()[1], installed.bin / "berth"),
        "8080",
        "No module named 'numpy'",
    ]


def test_it_trains(installed, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text(
        "import os, sys, berth\n"
        "open(os.environ['SM_MODEL_DIR'] + '/model', 'w').write(' '.join(sys.argv[1:]))\n"
    )
    done = installed.run(
        "berth", "local", "train", "--source", str(source), "--entry-point", "train.py",
        "--hyperparameter", "lr=0.1", "--output", str(tmp_path / "job"), TMPDIR=str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    job = json.loads((tmp_path / "job/job.json").read_text())
    assert job["TrainingJobStatus"] == "Completed"


def test_train_runs_the_python_that_it_was_installed_for(installed, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code/train.py").write_text("import berth, sys\nprint(sys.prefix)\n")
    (tmp_path / "input/config").mkdir(parents=True)
    for name in ("hyperparameters", "inputdataconfig"):
        (tmp_path / "input/config" / (name + ".json")).write_text("{}")
    (tmp_path / "input/config/resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
    variables = {"PATH": "/usr/bin:/bin", "SAGEMAKER_BASE_DIR": str(tmp_path), "SAGEMAKER_PROGRAM": "train.py",
                 "TMPDIR": str(tmp_path)}  # fmt: skip
    done = subprocess.run([installed.bin / "train"], env=variables, capture_output=True, text=True, timeout=DEADLINE)
    assert (done.returncode, done.stdout) == (0, "%s\n" % installed.bin.parent), done.stderr


HANDLER = """
import berth
def model_fn(model_dir): return {"berth": berth.__version__}
def input_fn(data, content_type): return data
def predict_fn(data, model): return model
"""


def test_it_serves(installed, tmp_path):
    code = tmp_path / "model/code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(HANDLER)
    ready, write = os.pipe()
    variables = installed.variables(
        SAGEMAKER_BASE_DIR=str(tmp_path),
        SAGEMAKER_BIND_TO_PORT="0",
        SAGEMAKER_MODEL_SERVER_WORKERS="1",
        BERTH_READY_FD=str(write),
    )
    server = subprocess.Popen([installed.bin / "serve"], env=variables, pass_fds=[write])
    try:
        os.close(write)
        with open(ready) as lines:
            port = int(lines.read())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        connection.request("POST", "/invocations", "1", {"Content-Type": "text/plain"})
        answer = connection.getresponse()
        assert json.loads(answer.read()) == {"berth": version().split()[1]}
        connection.close()
        server.send_signal(signal.SIGTERM)
        assert server.wait(DEADLINE) == 0
    finally:
        server.kill()
        server.wait()


def test_uninstalling_leaves_nothing(tmp_path):
    environment = Environment(tmp_path / "v")
    before = environment.files()
    environment.install("berth")
    assert environment.run("python", "-c", "import berth._core").returncode == 0
    assert environment.files() > before
    assert environment.pip("uninstall", "-y", "berth").returncode == 0
    assert environment.files() == before


def test_it_requires_nothing_and_shadows_nothing(installed):
    names = {path.name.partition("-")[0] for path in installed.site.iterdir()}
    assert names == {"berth"}


def test_the_compatibility_packages_are_asked_for(installed, tmp_path):
    environment = Environment(tmp_path / "v").install("berth[compat]")
    for name in ("sagemaker_training", "sagemaker_containers", "sagemaker_inference"):
        assert environment.run("python", "-c", "import %s" % name).returncode == 0
        assert installed.run("python", "-c", "import %s" % name).returncode == 1
