"""What a job leaves goes where the platform would put it."""

import signal

import pytest

import servers

SAVE = 'echo w > "$SM_MODEL_DIR/weights"; mkdir "$SM_MODEL_DIR/sub"; echo v > "$SM_MODEL_DIR/sub/v"; echo d > "$SM_OUTPUT_DATA_DIR/d"'


def test_archives(s3job, bucket):
    request = s3job.request(OutputDataConfig={"S3OutputPath": bucket.uri("out")})
    code, _, err = s3job.run(request, *s3job.code(SAVE), "--name", "n")
    assert code == 0, err
    assert bucket.archive("out/n/output/model.tar.gz") == {"weights": "w\n", "sub/v": "v\n"}
    assert bucket.archive("out/n/output/output.tar.gz") == {"data/d": "d\n", "success": ""}
    assert s3job.record["ModelArtifacts"]["S3ModelArtifacts"] == bucket.uri(
        "out/n/output/model.tar.gz"
    )
    assert f"uploaded 2 files" in err
    assert s3job.archive("model.tar.gz") == {"weights": "w\n", "sub/v": "v\n"}


def test_the_model_uncompressed(s3job, bucket):
    request = s3job.request(
        OutputDataConfig={"S3OutputPath": bucket.uri("out/"), "CompressionType": "NONE"}
    )
    code, _, err = s3job.run(request, *s3job.code(SAVE), "--name", "n")
    assert code == 0, err
    assert bucket.keys("out/n/") == [
        "out/n/output/model/sub/v", "out/n/output/model/weights", "out/n/output/output.tar.gz",
    ]  # fmt: skip
    assert bucket.get("out/n/output/model/weights") == b"w\n"
    assert s3job.record["ModelArtifacts"]["S3ModelArtifacts"] == bucket.uri("out/n/output/model/")
    assert (s3job.output / "model" / "sub" / "v").read_text() == "v\n"


def test_of_a_failed_job_has_no_model(s3job, bucket):
    request = s3job.request(OutputDataConfig={"S3OutputPath": bucket.uri("out")})
    code, _, _ = s3job.run(request, *s3job.code(SAVE + "; exit 3"), "--name", "n")
    assert code == 1
    assert bucket.keys("out/") == ["out/n/output/output.tar.gz"]
    assert "ModelArtifacts" not in s3job.record


def test_a_missing_bucket_ends_the_job_before_it_starts(s3job, server):
    request = s3job.request(OutputDataConfig={"S3OutputPath": "s3://no-such-bucket-anywhere/x"})
    code, _, err = s3job.run(request, *s3job.code("echo started"))
    assert code == 1
    assert "OutputDataConfig.S3OutputPath" in s3job.record["FailureReason"]
    assert "NoSuchBucket" in s3job.record["FailureReason"]
    assert "started" not in err


def test_an_upload_that_fails_fails_the_job_and_keeps_its_files(s3job, bucket):
    request = s3job.request(OutputDataConfig={"S3OutputPath": bucket.uri("out")})
    job = s3job.start(
        request, *s3job.code(SAVE + '; echo ready; while [ ! -e "$GO" ]; do sleep 0.1; done'),
        "--name", "n", "--env", f"GO={s3job.base}/go",
    )  # fmt: skip
    job.wait_for("ready")
    bucket.boto.delete_bucket(Bucket=bucket.name)
    (s3job.base / "go").touch()
    code, _, err = job.end()
    assert code == 1, err
    reason = s3job.record["FailureReason"]
    assert reason.startswith("ClientError: Artifact upload failed: ")
    assert "NoSuchBucket" in reason
    assert reason.endswith(f'what the job left is in "{s3job.output}"')
    assert s3job.archive("model.tar.gz") == {"weights": "w\n", "sub/v": "v\n"}
    assert s3job.record["ModelArtifacts"]["S3ModelArtifacts"].startswith("file://")


def test_links_of_a_plain_model_never_leave_it(s3job, bucket):
    request = s3job.request(
        OutputDataConfig={"S3OutputPath": bucket.uri("out"), "CompressionType": "NONE"}
    )
    code, _, err = s3job.run(
        request,
        *s3job.code(
            'cd "$SM_MODEL_DIR"; echo w > f; mkdir d; echo v > d/v; ln -s "$SM_MODEL_DIR/f" best; '
            "ln -s d dl; ln -s /etc/hostname host; ln -s .. up"
        ),
        "--name", "n",
    )  # fmt: skip
    assert code == 0, err
    model = "out/n/output/model/"
    assert {key: bucket.get(key) for key in bucket.keys(model)} == {
        model + "f": b"w\n", model + "best": b"w\n", model + "d/v": b"v\n", model + "dl/v": b"v\n",
    }  # fmt: skip
    assert (f'not uploaded: "{s3job.output}/model/host": it is a link that leads out of the folder, '
            'to "/etc/hostname"') in err
    assert f'not uploaded: "{s3job.output}/model/up": it is a link that leads out' in err


def test_what_another_job_of_the_name_left_in_s3_is_not_overwritten(s3job, bucket):
    request = s3job.request(OutputDataConfig={"S3OutputPath": bucket.uri("out")})
    assert s3job.run(request, *s3job.code(SAVE), "--name", "n")[0] == 0
    kept = bucket.get("out/n/output/model.tar.gz")
    s3job.output = s3job.base / "again"
    code, out, err = s3job.run(request, *s3job.code("echo started"), "--name", "n")
    assert code == 1, err
    assert "started" not in out
    assert s3job.record["FailureReason"] == (
        f"ResourceInUse: {bucket.uri('out/n/')} holds what another job of this name left; choose "
        "another --name, or remove it"
    )
    assert bucket.get("out/n/output/model.tar.gz") == kept


@pytest.mark.parametrize("server", ["moto"], indirect=True)
def test_an_upload_that_is_interrupted_stops_the_job(s3job, bucket, server):
    request = s3job.request(OutputDataConfig={"S3OutputPath": bucket.uri("out")})
    go = s3job.base / "go"
    with servers.FaultProxy(
        server, lambda random: {"stall_after": 0} if go.exists() else None
    ) as proxy:
        job = s3job.start(
            request, *s3job.code(SAVE + '; echo ready; while [ ! -e "$GO" ]; do sleep 0.1; done'),
            "--env", f"GO={go}", variables=proxy.environment,
        )  # fmt: skip
        job.wait_for("ready")
        go.touch()
        proxy.wait_for(struck=1)
        job.send(signal.SIGINT)
        code, _, err = job.end()
    assert code == 130, err
    assert s3job.record["TrainingJobStatus"] == "Stopped"
    assert "the upload was stopped by signal 2 (Interrupt): not all of it is in" in err
    assert s3job.archive("model.tar.gz") == {"weights": "w\n", "sub/v": "v\n"}
