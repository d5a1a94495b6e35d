"""berth._core: the contract as Python values. The rules themselves are tested in src/contract, and
against the originals in tests/conformance. Also run by `make wheels` in each Python."""

import json
import os

import pytest

from berth import _core


@pytest.fixture
def base(tmp_path):
    (tmp_path / "input/config").mkdir(parents=True)
    write(tmp_path, "hyperparameters", {"lr": "0.1", "n": "3", "big": str(10**30), "sagemaker_program": '"train.py"'})
    write(tmp_path, "inputdataconfig", {"train": {"TrainingInputMode": "File"}})
    write(tmp_path, "resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]})
    return tmp_path


def write(base, name, value):
    (base / "input/config" / (name + ".json")).write_text(json.dumps(value))


def test_a_training_job(base):
    found = _core.training_environment(str(base), {"TRAINING_JOB_NAME": "job"}, cpus=3, gpus=2)
    assert found["hyperparameters"] == {"lr": 0.1, "n": 3, "big": 10**30}
    assert found["user_entry_point"] == "train.py"
    assert found["module_name"] == "train"
    assert found["hosts"] == ["algo-1", "algo-2"]
    assert (found["num_cpus"], found["num_gpus"], found["num_neurons"]) == (3, 2, 0)
    assert found["channel_input_dirs"] == {"train": str(base / "input/data/train")}
    assert found["is_master"] is True
    assert found["job_name"] == "job"
    assert found["framework_module"] is None
    assert found["sagemaker_s3_output"] is None
    assert found["arguments"] == ["--big", str(10**30), "--lr", "0.1", "-n", "3"]
    variables = found["variables"]
    assert variables["SM_HP_LR"] == "0.1"
    properties = {k: v for k, v in found.items() if k not in ("variables", "arguments", "sagemaker_s3_output")}
    assert json.loads(variables["SM_TRAINING_ENV"]) == properties


def test_paths_and_bytes(base):
    found = _core.training_environment(base, {"TRAINING_JOB_NAME": os.fsdecode(b"\xff")})
    assert found["model_dir"] == str(base / "model")
    assert found["job_name"] == "\udcff"
    assert found["num_cpus"] == os.cpu_count()


def test_lone_surrogates(base):
    write(base, "hyperparameters", {"a": "\ud800"})
    with pytest.raises(ValueError):
        _core.training_environment(base, {})
    write(base, "hyperparameters", {"a": "\udc80"})
    assert _core.training_environment(base, {})["hyperparameters"] == {"a": "\udc80"}


def test_a_broken_file_is_named(base):
    (base / "input/config/resourceconfig.json").write_text('{"current_host": 5, "hosts": ["algo-1"]}')
    with pytest.raises(ValueError) as caught:
        _core.training_environment(base, {})
    path = base / "input/config/resourceconfig.json"
    assert str(caught.value) == (
        'cannot use "%s": current_host: expected a string, found an integer' % path
    )


def test_texts_take_the_place_of_files(base):
    for file in (base / "input/config").iterdir():
        file.unlink()
    found = _core.training_environment(
        base,
        {},
        hyperparameters='{"lr": "0.5", "name": "\\"1\\""}',
        input_data_config=b"{}",
        resource_config='{"current_host": "b", "hosts": ["a", "b"]}',
    )
    assert found["hyperparameters"] == {"lr": 0.5, "name": "1"}
    assert (found["current_host"], found["is_master"], found["channel_input_dirs"]) == ("b", False, {})


def test_a_missing_file_is_one_for_python_too(base):
    (base / "input/config/resourceconfig.json").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        _core.training_environment(base, {})
    assert "resourceconfig.json" in str(caught.value)


@pytest.mark.parametrize("variables", [5, {"a": 5}, {5: "a"}, [("a", "b")]])
def test_variables_are_a_mapping_of_text(base, variables):
    with pytest.raises((TypeError, AttributeError)):
        _core.training_environment(base, variables)


def test_a_server():
    found = _core.serving_environment(
        {"SAGEMAKER_MODEL_SERVER_WORKERS": "3", "SAGEMAKER_BASE_DIR": "/x", "SAGEMAKER_BIND_TO_PORT": "81"}
    )
    assert found["workers"] == 3
    assert found["port"] == 81
    assert found["model_dir"] == "/x/model"
    assert found["timeout"] == 60
    assert found["application"] is None
    assert _core.serving_environment({})["workers"] is None


def test_a_servers_variable_that_cannot_be():
    with pytest.raises(ValueError, match="SAGEMAKER_BIND_TO_PORT"):
        _core.serving_environment({"SAGEMAKER_BIND_TO_PORT": "http"})


def test_arguments():
    mapping = {"b": None, "a": "x y", "long": {"k": 1, "j": [1, True]}, "f": 1e-7}
    assert _core.to_arguments(json.dumps(mapping)) == [
        "-a", "x y", "-b", "", "-f", "1e-07", "--long", "j=[1, True],k=1",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="expected a JSON object, found an array"):
        _core.to_arguments("[]")
