"""Each rule of docs/deviations.md, on the smallest job that shows it: berth's side, and that the
reference still does otherwise. A rule whose reference side has gone must go too."""

import dataclasses
import json

import pytest
from compare import Reference, machine_of, run_berth
from generate import Case
from test_training import SIMPLE

RESOURCES = [("current_host", "algo-1"), ("hosts", ["algo-1"])]


def job(hyperparameters=(), variables=None, resources=RESOURCES):
    return Case(list(hyperparameters), [], list(resources), variables or {}, [])


@pytest.fixture(scope="module")
def reference(sagemaker_training, tmp_path_factory):
    reference = Reference(*sagemaker_training, tmp_path_factory.mktemp("reference"))
    yield reference
    reference.close()


@pytest.fixture(scope="module")
def machine(berth, tmp_path_factory):
    return machine_of(berth, SIMPLE, tmp_path_factory.mktemp("machine") / "base")


@pytest.fixture
def both(berth, reference, machine, tmp_path):
    def answers(case):
        theirs = reference.answer(case, tmp_path / "base", machine)
        return run_berth(berth, case, tmp_path / "base"), theirs

    return answers


@pytest.mark.parametrize(
    ("case", "variable", "ours", "theirs"),
    [
        (job(variables={"SAGEMAKER_SUBMIT_DIRECTORY": "/src"}), "SM_MODULE_DIR", "/src", "{base}/code"),
        (job(variables={"SAGEMAKER_CONTAINER_LOG_LEVEL": "10"}), "SM_LOG_LEVEL", "10", "20"),
        (job(variables={"AWS_REGION": "eu-west-1"}), "SAGEMAKER_REGION", "eu-west-1", ""),
        (job(variables={"SAGEMAKER_REGION": "eu-west-1"}), "SAGEMAKER_REGION", "eu-west-1", ""),
        (job([("sagemaker_submit_directory", "null")]), "SM_MODULE_DIR", "{base}/code", "None"),
        (job([("sagemaker_submit_directory", '""')]), "SM_MODULE_DIR", "{base}/code", ""),
        (job([("sagemaker_container_log_level", "null")]), "SM_LOG_LEVEL", "20", ""),
        (
            job([("sagemaker_program", "a.py")], {"SAGEMAKER_PROGRAM": ""}),
            "SM_MODULE_NAME",
            "a",
            "",
        ),
    ],
)
def test_value(both, tmp_path, case, variable, ours, theirs):
    our, their = both(case)
    assert our["variables"][variable] == ours.format(base=tmp_path / "base")
    assert their["variables"][variable] == theirs.format(base=tmp_path / "base")


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("SAGEMAKER_TRAINING_MODULE", "framework_module"),
        ("TRAINING_JOB_NAME", "job_name"),
        ("SM_HP_MP_PARAMETERS", "is_modelparallel_enabled"),
    ],
)
def test_an_empty_variable_counts_as_not_set(both, variable, name):
    our, their = both(job(variables={variable: ""}))
    assert json.loads(our["variables"]["SM_TRAINING_ENV"])[name] is None
    assert json.loads(their["variables"]["SM_TRAINING_ENV"])[name] == ""


@pytest.mark.parametrize(
    ("name", "variable", "value", "text"),
    [
        ("sagemaker_job_name", "SAGEMAKER_JOB_NAME", "2024", "2024"),
        ("sagemaker_job_name", "SAGEMAKER_JOB_NAME", "null", ""),
        ("sagemaker_region", "SAGEMAKER_REGION", "7", "7"),
    ],
)
def test_what_is_no_text_is_exported_as_text(both, name, variable, value, text):
    our, their = both(job([(name, value)]))
    assert our["variables"][variable] == text
    assert their["refused"].startswith("TypeError: str expected")


def test_an_empty_log_level_variable_counts_as_not_set(both):
    our, their = both(job(variables={"SAGEMAKER_CONTAINER_LOG_LEVEL": ""}))
    assert our["variables"]["SM_LOG_LEVEL"] == "20"
    assert their["refused"].startswith("ValueError: invalid literal for int()")


def test_a_name_with_an_equals_sign_keeps_its_argument(both):
    our, their = both(job([("a=b", "1")]))
    assert our["arguments"] == ["--a=b", "1"]
    assert not [name for name in our["variables"] if name.startswith("SM_HP_A")]
    assert their["refused"] == "ValueError: illegal environment variable name"


@pytest.mark.parametrize("level", ["INFO", "1.5", "true", "[]", str(10**20)])
def test_a_log_level_that_is_no_level_is_an_error(both, level):
    our, their = both(job([("sagemaker_container_log_level", level)]))
    assert 'hyperparameter "sagemaker_container_log_level": expected one of' in our["refused"]
    assert their["variables"]["SM_LOG_LEVEL"] == level


@pytest.mark.parametrize(
    ("resources", "place"),
    [
        ({"current_group_name": None}, "current_group_name: expected a string, found null"),
        ({"network_interface_name": 1}, "network_interface_name: expected a string, found an integer"),
        ({"hosts": ["algo-1", 2]}, "hosts[1]: expected a string, found an integer"),
        (
            {"instance_groups": [{"instance_group_name": "g"}]},
            "instance_groups[0].hosts: expected an array of strings, found nothing",
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_an_error(both, resources, place):
    our, their = both(job(resources=(dict(RESOURCES) | resources).items()))
    assert place in our["refused"]
    assert not their.get("refused")


def test_distribution_groups_that_are_no_array_are_an_error(both):
    our, their = both(job([("sagemaker_distribution_instance_groups", "gpu-and-cpu")]))
    assert "expected an array of strings, found a string" in our["refused"]
    assert their["variables"]["SM_DISTRIBUTION_INSTANCE_GROUPS"] == "gpu-and-cpu"


@pytest.mark.parametrize(
    ("program", "code", "ours", "theirs"),
    [
        ("train.py", [], ["python", "train.py", "--lr", "a b"], ["python", "--", "train.py", "--lr", "a b"]),
        ("run.sh", [], ["./run.sh", "--lr", "a b"], ["/bin/sh", "-c", "./run.sh --lr 'a b'"]),
        (
            "sub/train.py",
            ["setup.py"],
            ["python", "-m", "sub.train", "--lr", "a b"],
            ["python", "-m", "sub/train", "--lr", "a b"],
        ),
    ],
)
def test_command(both, program, code, ours, theirs):
    case = job([("sagemaker_program", program), ("lr", "a b")])
    our, their = both(dataclasses.replace(case, code=code))
    for answer, expected in ((our, ours), (their, theirs)):
        command = answer["command"]
        if expected[0] == "python":
            assert "python" in command[0]
            command = ["python", *command[1:]]
        assert command == expected


def test_nesting_that_python_cannot_read_stays_text(both):
    deep = "[" * 1100 + "]" * 1100
    our, their = both(job([("deep", deep)]))
    assert our["arguments"] == ["--deep", deep]
    assert their["refused"].startswith("RecursionError")
