"""A Python script as entry point: what it gets, and what is reported."""

import json

ECHO = """
import json, os, sys
json.dump({"argv": sys.argv, "cwd": os.getcwd(), "path": sys.path[0],
           "env": {k: v for k, v in os.environ.items()}},
          open(os.environ["SM_MODEL_DIR"] + "/seen.json", "w"))
"""


def seen(container):
    return json.loads((container.base / "model" / "seen.json").read_text())


def test_the_script_gets_arguments_and_variables(container):
    container.code("train.py", ECHO)
    container.channels("train")
    container.hyperparameters(sagemaker_program="train.py", lr="0.1", name='"a b; $(x)"', n="null")
    code, _, err = container.train()
    assert code == 0, err
    saw = seen(container)
    assert saw["argv"] == ["train.py", "--lr", "0.1", "-n", "", "--name", "a b; $(x)"]
    assert saw["cwd"] == str(container.base / "code")
    assert saw["env"]["SM_CHANNEL_TRAIN"] == str(container.base / "input/data/train")
    assert saw["env"]["SM_HP_LR"] == "0.1"
    assert saw["env"]["PYTHONPATH"].split(":")[0] == str(container.base / "code")
    assert saw["env"]["PYTHONUNBUFFERED"] == "1"
    assert container.succeeded
    assert container.failure is None


def test_the_user_may_want_python_buffered(container):
    container.code("train.py", ECHO)
    container.hyperparameters(sagemaker_program="train.py")
    code, _, err = container.train(variables={"PYTHONUNBUFFERED": ""})
    assert code == 0, err
    assert seen(container)["env"]["PYTHONUNBUFFERED"] == ""


def test_code_comes_from_a_local_directory(container, tmp_path):
    source = tmp_path / "my source"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "train.py").write_text("import helper")
    (source / "helper.py").write_text("print('helped')")
    container.hyperparameters(
        sagemaker_program="sub/train.py", sagemaker_submit_directory=str(source)
    )
    code, out, err = container.train()
    assert code == 0, err
    assert out == "helped\n"


def test_an_exception_leads_the_failure_report(container):
    container.code("train.py", "print('start')\nraise ValueError('bad learning rate')\n")
    container.hyperparameters(sagemaker_program="train.py", lr="x")
    code, out, err = container.train()
    assert code == 1
    assert out == "start\n"
    assert not container.succeeded
    lines = container.failure.splitlines()
    assert lines[:4] == [
        "ExecuteUserScriptError:",
        "ExitCode 1",
        'ErrorMessage "ValueError: bad learning rate',
        "Traceback (most recent call last):",
    ]
    assert lines[-1].startswith('Command "') and lines[-1].endswith('train.py --lr x"')
    assert "ValueError: bad learning rate" in err


def test_a_failure_that_the_script_wrote_is_kept(container):
    container.code(
        "train.py",
        "import os\nopen(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('my word')\nexit(3)\n",
    )
    container.hyperparameters(sagemaker_program="train.py")
    code, _, err = container.train()
    assert code == 3
    assert container.failure == "my word"
    assert "exit code 3\nmy word" in err


def test_reports_of_an_earlier_run_are_not_taken_for_this_one(container):
    container.code("train.py", "print('fine')")
    container.hyperparameters(sagemaker_program="train.py")
    (container.base / "output" / "failure").write_text("old")
    code, _, err = container.train()
    assert code == 0, err
    assert container.failure is None
    assert container.succeeded


def test_a_missing_entry_point_lists_what_is_there(container):
    container.code("trian.py", "")
    container.code("data/words.txt", "")
    container.hyperparameters(sagemaker_program="train.py")
    code, _, _ = container.train()
    assert code == 1
    assert container.failure.startswith("ClientError:\nExitCode 1\nErrorMessage ")
    assert "trian.py" in container.failure
    assert "data/words.txt" in container.failure


def test_a_job_without_an_entry_point_says_what_to_set(container):
    code, _, _ = container.train()
    assert code == 1
    assert "sagemaker_program" in container.failure
    assert "SAGEMAKER_PROGRAM" in container.failure


def test_a_broken_configuration_is_a_failure_report(container):
    (container.config / "hyperparameters.json").write_text('{"a": 1,}')
    code, _, _ = container.train()
    assert code == 1
    assert str(container.config / "hyperparameters.json") in container.failure


def test_secrets_are_masked_in_the_log_and_in_the_report(container):
    container.code("train.py", "import os\nraise KeyError(os.environ['SM_HP_API_KEY'])\n")
    container.hyperparameters(
        sagemaker_program="train.py", api_key="hunter2hunter2", sagemaker_container_log_level="10"
    )
    code, _, err = container.train(variables={"AWS_SECRET_ACCESS_KEY": "deep/secret"})
    assert code == 1
    assert "hunter2hunter2" not in container.failure
    assert "KeyError: '******'" in container.failure
    # The script's own output is passed on as it is; berth's lines are what must not tell.
    own = [line for line in err.splitlines() if "Z DEBUG" in line or "Z INFO" in line]
    assert any("AWS_SECRET_ACCESS_KEY=******" in line for line in own)
    assert not any("hunter2" in line or "deep/secret" in line for line in own)


def test_a_variable_too_long_for_the_system_is_left_out_and_said(container):
    container.code("train.py", ECHO)
    container.hyperparameters(
        sagemaker_program="train.py", **{f"h{i}": "x" * 2500 for i in range(100)}
    )
    code, _, err = container.train()
    assert code == 0, err
    env = seen(container)["env"]
    assert env["SM_HP_H99"] == "x" * 2500
    assert "SM_HPS" not in env
    assert "SM_HPS is left out" in err


def test_a_launcher_that_the_image_has_not_is_told_and_nothing_runs(container, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to("/usr/bin/python3")
    container.code("train.py", "print('alone')")
    container.hyperparameters(sagemaker_program="train.py", sagemaker_mpi_enabled="true")
    code, out, _ = container.train(variables={"PATH": str(tmp_path / "bin")})
    assert (code, out) == (1, "")
    assert "mpirun" in container.failure and "sagemaker_mpi_enabled" in container.failure


def test_the_last_line_of_the_script_may_be_unfinished(container):
    container.code("train.py", "import sys\nsys.stderr.write('loss=0.25')\n")
    container.hyperparameters(sagemaker_program="train.py")
    code, _, err = container.train()
    assert code == 0, err
    assert "loss=0.25\n" in err


def test_a_relative_base_directory_is_made_absolute(container):
    container.code("train.py", ECHO)
    container.hyperparameters(sagemaker_program="train.py")
    code, _, err = container.train(
        cwd=container.base.parent, variables={"SAGEMAKER_BASE_DIR": container.base.name}
    )
    assert code == 0, err
    assert seen(container)["env"]["SM_MODEL_DIR"] == str(container.base / "model")
