"""What a job leaves, and how the command ends."""

import os


def test_of_success(local):
    code, out, err = local.run(
        *local.code(
            'echo w > "$SM_MODEL_DIR/weights"; echo d > "$SM_OUTPUT_DATA_DIR/d"; echo "$1 $2"'
        ),
        "--hyperparameter", "epochs=3", "--name", "first",
    )  # fmt: skip
    assert code == 0, err
    assert "--epochs 3" in local.log and "--epochs 3" in out
    assert local.archive("model.tar.gz") == {"weights": "w\n"}
    assert local.archive("output.tar.gz") == {"data/d": "d\n", "success": ""}
    record = local.record
    assert record["TrainingJobName"] == "first"
    assert record["TrainingJobArn"].endswith(":000000000000:training-job/first")
    assert record["TrainingJobStatus"] == record["SecondaryStatus"] == "Completed"
    assert record["ModelArtifacts"]["S3ModelArtifacts"] == f"file://{local.output}/model.tar.gz"
    assert [t["Status"] for t in record["SecondaryStatusTransitions"]] == [
        "Starting", "Downloading", "Training", "Uploading", "Completed",
    ]  # fmt: skip
    assert record["CreationTime"] <= record["TrainingStartTime"] <= record["TrainingEndTime"]
    assert not (local.output / ".work").exists()


def test_of_failure(local):
    code, _, _ = local.run(
        *local.code('echo kept > "$SM_OUTPUT_DATA_DIR/d"; echo "the data is bad" >&2; exit 7')
    )
    assert code == 1
    assert local.record["TrainingJobStatus"] == "Failed"
    assert local.record["FailureReason"].startswith("AlgorithmError: ")
    assert local.record["FailureReason"].endswith(", exit code: 7")
    assert "the data is bad" in local.record["FailureReason"]
    assert local.archive("output.tar.gz")["data/d"] == "kept\n"
    assert not (local.output / "model.tar.gz").exists()


def test_belongs_to_the_caller(local):
    code, _, err = local.run(*local.code('echo w > "$SM_MODEL_DIR/weights"'))
    assert code == 0, err
    for folder, _, files in os.walk(local.output):
        for name in files:
            assert os.stat(os.path.join(folder, name)).st_uid == os.getuid()


def test_goes_to_a_folder_of_the_jobs_name(local):
    local.output = None
    code, out, err = local.run(*local.code(""), "--name", "n")
    assert code == 0, err
    assert (local.base / "berth-jobs" / "n" / "job.json").exists()
    assert f"{local.base}/berth-jobs/n/" in out


def test_keeps_checkpoints(local):
    keep = local.data("keep", old="1")
    code, _, err = local.run(
        local.request(CheckpointConfig={"S3Uri": f"file://{keep}"}),
        *local.code("cd ${SAGEMAKER_BASE_DIR:-/opt/ml}/checkpoints; cat old; echo 2 > new"),
    )
    assert code == 0, err
    assert (keep / "new").read_text() == "2\n"


def test_of_another_job_is_not_overwritten(local):
    assert local.run(*local.code("echo one"))[0] == 0
    code, _, err = local.run(*local.code("echo two"))
    assert code == 2
    assert "ResourceInUse" in err
    assert "one" in local.log
