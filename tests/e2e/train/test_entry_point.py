"""berth entry-point: steps of a job for a program that brings its own main function."""

import json
import os
import signal
import subprocess
import sys

import pytest


class Asked:
    """How a request ended."""

    def __init__(self, process, result, out, err):
        self.code, self.result, self.out, self.err = process.returncode, result, out, err


@pytest.fixture
def ask(container):
    def ask(environment=None, /, **request):
        read, write = os.pipe()
        with open(read, "rb") as told:
            process = container.start(
                "entry-point", "--result-fd", str(write),
                variables=environment, stdin=subprocess.PIPE, pass_fds=[write],
            )  # fmt: skip
            os.close(write)
            with process:
                out, err = process.communicate(json.dumps(request).encode(), timeout=120)
            text = told.read()
        result = json.loads(text) if text else None
        return Asked(process, result, out.decode(), err.decode(errors="replace"))

    return ask


SHOW = "import json, os, sys\nprint(json.dumps([sys.argv[1:], os.environ.get('A'), os.getcwd()]))\n"


def test_a_script_runs_with_its_arguments_and_variables(container, ask):
    container.code("train.py", SHOW)
    words = ["--a b", "$HOME", "; echo x", "é\n", "\udcff"]
    asked = ask(
        runner="process", user_entry_point="train.py", arguments=words, variables={"A": "b"}
    )
    assert asked.code == 0, asked.err
    seen, variable, directory = json.loads(asked.out)
    assert (seen, variable) == (words, "b")
    assert directory == str(container.base / "code")
    assert asked.result == {
        "type": None, "code": 0, "message": "", "command": "", "error_tail": "",
    }  # fmt: skip


def test_nothing_is_reported_under_output(container, ask):
    container.code("good.py", "")
    container.code("bad.py", "raise ValueError('x')\n")
    assert ask(runner="process", user_entry_point="good.py").code == 0
    assert ask(runner="process", user_entry_point="bad.py").code == 1
    assert container.failure is None
    assert not container.succeeded


def test_a_failed_script_is_told_with_its_own_exit_code(container, ask):
    container.code("bad.py", "import sys\nsys.stderr.write('oh\\n')\nsys.exit(7)\n")
    asked = ask(runner="process", user_entry_point="bad.py", arguments=["--x", "a b"])
    assert asked.code == 7
    python = asked.result["command"].split()[0]
    assert asked.result == {
        "type": "ExecuteUserScriptError",
        "code": 7,
        "message": "oh",
        "command": f"{python} bad.py --x 'a b'",
        "error_tail": "oh\n",
    }


def test_secrets_are_not_told(container, ask):
    container.code("bad.py", "import os, sys\nsys.exit('used ' + os.environ['API_TOKEN'])\n")
    asked = ask({"API_TOKEN": "hunter22"}, runner="process", user_entry_point="bad.py")
    assert "hunter22" not in json.dumps(asked.result)
    assert asked.result["message"] == "used ******"


def test_a_client_error_is_told(container, ask):
    asked = ask(runner="process", user_entry_point="train.py")
    assert asked.code == 1
    assert asked.result["type"] == "ClientError"
    assert asked.result["message"].startswith('entry point "train.py" is not in ')


@pytest.mark.parametrize("request_", ["", "[]", '{"user_entry_point": "a"}'])
def test_a_bad_request_is_wrong_usage(container, request_):
    process = container.start("entry-point", stdin=subprocess.PIPE)
    with process:
        _, err = process.communicate(request_.encode(), timeout=60)
    assert process.returncode == 2
    assert err.decode().startswith("berth entry-point: the request is ")


def test_code_is_fetched_and_a_package_installed_by_the_python_that_is_asked_for(
    container, ask, tmp_path
):
    source = tmp_path / "source"
    source.mkdir()
    (source / "setup.py").write_text("")
    (source / "mine.py").write_text("print('ran')\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/called\ncase "$2" in pip) ;; '
                      f'*) exec {sys.executable} "$@" ;; esac\n')  # fmt: skip
    python.chmod(0o755)
    asked = ask(
        uri=str(source), runner="process", user_entry_point="mine.py", install=True,
        python=str(python), arguments=["--k", "v"],
    )  # fmt: skip
    assert asked.code == 0, asked.err
    assert asked.out == "ran\n"
    assert (tmp_path / "called").read_text() == "-m pip install .\n-m mine --k v\n"


def test_a_failed_installation_is_told(container, ask):
    container.code("requirements.txt", "--no-such-option\n")
    container.code("train.py", "")
    asked = ask(only="install", kind="requirements", python=sys.executable)
    assert asked.code == asked.result["code"] > 0
    assert asked.result["type"] == "InstallRequirementsError"
    assert asked.result["command"] == f"{sys.executable} -m pip install -r requirements.txt"
    assert "no such option" in asked.result["message"]


def test_a_command_runs_without_a_job(container, ask):
    for file in container.config.iterdir():
        file.unlink()
    asked = ask(command=["sh", "-c", 'echo "$1"; exit 3', "sh", "a b"])
    assert (asked.code, asked.out) == (3, "a b\n")
    assert asked.result["type"] == "ExecuteUserScriptError"


def test_the_runner_that_is_asked_for_goes_before_the_job_s(container, ask):
    container.hyperparameters(sagemaker_mpi_enabled="true")
    container.code("train.py", "print('alone')\n")
    asked = ask(runner="process", user_entry_point="train.py")
    assert (asked.code, asked.out) == (0, "alone\n"), asked.err


def test_torchrun_gets_the_settings_of_the_request(container, ask, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    torchrun = programs / "torchrun"
    torchrun.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/called\n")
    torchrun.chmod(0o755)
    container.code("train.py", "")
    asked = ask(
        {"PATH": f"{programs}:{os.environ['PATH']}"},
        runner="torch_distributed", user_entry_point="train.py",
        extra={"sagemaker_mpi_num_of_processes_per_host": 3},
    )  # fmt: skip
    assert asked.code == 0, asked.err
    assert "--nproc_per_node 3" in (tmp_path / "called").read_text().replace("=", " ")


def test_a_signal_reaches_the_script_and_its_end_is_told(container):
    container.code(
        "train.py",
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "print('up', flush=True)\nwhile True: time.sleep(0.01)\n",
    )
    process = container.start("entry-point", stdin=subprocess.PIPE)
    with process:
        process.stdin.write(json.dumps({"runner": "process", "user_entry_point": "train.py"}).encode())
        process.stdin.close()
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 5


def test_the_script_has_none_of_our_descriptors(container, ask):
    container.code("train.py", "import os\nprint(sorted(int(n) for n in os.listdir('/proc/self/fd')))\n")
    asked = ask(runner="process", user_entry_point="train.py")
    # The last one is that of listing them.
    assert asked.out == "[0, 1, 2, 3]\n"


def test_one_object_is_downloaded(ask, store, tmp_path):
    uri = store.put("a/b.bin", b"\0bytes")
    asked = ask(store.variables, only="download", uri=uri, destination=str(tmp_path / "here"))
    assert asked.code == 0, asked.err
    assert (tmp_path / "here").read_bytes() == b"\0bytes"

    asked = ask(store.variables, only="download", uri=store.uri("no"), destination="x")
    assert asked.code == 1
    assert asked.result["type"] == "ClientError"
    assert asked.result["message"].startswith(f'cannot download "{store.uri("no")}": ')


def test_code_in_s3_is_fetched(container, ask, store):
    uri = store.put("code/train.py", b"print('from S3')\n")
    asked = ask(store.variables, uri=uri, runner="process", user_entry_point="train.py")
    assert (asked.code, asked.out) == (0, "from S3\n"), asked.err


def test_intermediate_output_is_uploaded_until_the_input_ends(container, store):
    read, write = os.pipe()
    request = json.dumps({"only": "sync", "uri": store.uri("place")}).encode()
    request_read, request_write = os.pipe()
    os.write(request_write, request)
    os.close(request_write)
    process = container.start(
        "entry-point", "--request-fd", str(request_read), "--result-fd", str(write),
        variables={**store.variables, "TRAINING_JOB_NAME": "job-1"},
        stdin=subprocess.PIPE, pass_fds=[request_read, write],
    )  # fmt: skip
    os.close(write)
    os.close(request_read)
    with process, open(read, "rb") as told:
        assert json.loads(told.readline())["type"] is None
        (container.base / "output" / "intermediate" / "a").write_text("1")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert store.get("place/job-1/output/intermediate/a") == b"1"
