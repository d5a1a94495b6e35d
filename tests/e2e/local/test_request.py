"""The request: a file, flags, or both; what is wrong with it is said all at once."""

import json


def test_flags_win_over_the_file(local):
    request = local.request(
        TrainingJobName="from-file",
        HyperParameters={"lr": "1", "momentum": "2"},
        SomethingNew={"kept": True},
    )
    code, _, err = local.run(
        request, *local.code('echo "$@"'), "--name", "from-flag", "--hyperparameter", "lr=3"
    )
    assert code == 0, err
    assert "--lr 3 --momentum 2" in local.log
    assert local.record["TrainingJobName"] == "from-flag"
    assert local.record["SomethingNew"] == {"kept": True}
    assert "SomethingNew" in err


def test_problems_are_all_listed(local):
    request = local.request(
        TrainingJobName="bad name",
        HyperParameters={"lr": 0.1, "sagemaker_program": "t.py"},
        ResourceConfig={"InstanceCount": 0},
        StoppingCondition={"MaxRuntimeInSeconds": 0},
        InputDataConfig=[
            {"ChannelName": "a/b", "DataSource": {"S3DataSource": {"S3Uri": "http://b/k"}}}
        ],
        AlgorithmSpecification={"MetricDefinitions": [{"Name": "m", "Regex": "("}]},
        Enviroment={},
    )
    code, _, err = local.run(request)
    assert code == 2
    for place in (
        "TrainingJobName: ",
        'HyperParameters["lr"]: ',
        "ResourceConfig.InstanceCount: ",
        "StoppingCondition.MaxRuntimeInSeconds: ",
        "InputDataConfig[0].ChannelName: ",
        "InputDataConfig[0].DataSource.S3DataSource.S3Uri: ",
        "AlgorithmSpecification.MetricDefinitions[0].Regex: ",
        'did you mean "Environment"?',
    ):
        assert place in err
    assert not local.output.exists()


def test_environment_is_the_callers_less_another_containers(local):
    code, _, err = local.run(
        *local.code("env"), "--env", "OWN=job",
        variables={"MINE": "1", "SM_HPS": "stale", "SAGEMAKER_BASE_DIR": "/stale", "OWN": "caller",
                   "AWS_DEFAULT_REGION": "eu-central-1"},
    )  # fmt: skip
    assert code == 0, err
    lines = local.log.splitlines()
    assert "OWN=job" in lines and "MINE=1" in lines and "AWS_REGION=eu-central-1" in lines
    assert "SM_HPS={}" in lines and "SAGEMAKER_BASE_DIR=/stale" not in lines
    name = local.record["TrainingJobName"]
    assert f"TRAINING_JOB_NAME={name}" in lines
    assert f"TRAINING_JOB_ARN={local.record['TrainingJobArn']}" in lines


def test_an_entry_point_of_its_own_replaces_train(local):
    request = local.request(
        AlgorithmSpecification={
            "ContainerEntrypoint": ["/bin/sh", "-c"],
            "ContainerArguments": ['echo "$0 $1"', "a b", "$HOME;"],
        }
    )
    code, _, err = local.run(request)
    assert code == 0, err
    assert local.log == "a b $HOME;\n"


def test_that_is_not_json_is_located(local):
    path = local.base / "bad.json"
    path.write_text('{"TrainingJobName": }')
    code, _, err = local.run(str(path))
    assert code == 2
    assert "bad.json" in err and "line 1" in err


def test_description_is_json(local):
    assert local.run(*local.code(""))[0] == 0
    assert json.loads((local.output / "job.json").read_text())["TrainingJobStatus"] == "Completed"


def test_an_output_that_cannot_be_is_refused_with_its_name(local):
    for output in ("x" * 300, "source/train.sh/x"):
        local.output = local.base / output
        code, _, err = local.run(*local.code("echo started"))
        assert code == 2, err
        assert f'cannot make the directory "{local.output}"' in err


def test_a_checkpoint_folder_that_cannot_be_is_refused(local):
    local.code("")
    request = local.request(CheckpointConfig={"S3Uri": f"file://{local.source}/train.sh/x"})
    code, _, err = local.run(request, *local.code("echo started"))
    assert code == 2, err
    assert f'CheckpointConfig.S3Uri: cannot make the directory "{local.source}/train.sh/x"' in err
