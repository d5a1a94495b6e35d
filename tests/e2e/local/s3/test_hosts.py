"""Several hosts reach nothing outside: what is in S3 comes and goes through the platform."""

import io
import json
import tarfile

import pytest

pytestmark = pytest.mark.usefixtures("several_hosts")

SCRIPT = b"""#!/bin/sh
cd /opt/ml/input/data
for name in all shared fast; do echo $name: $(cat $name/*); done
echo pipe: $(cat pipe_0)
echo "$SM_CURRENT_HOST" > "/opt/ml/checkpoints/$SM_CURRENT_HOST"
echo "$SM_CURRENT_HOST" > "$SM_OUTPUT_INTERMEDIATE_DIR/$SM_CURRENT_HOST"
echo "$SM_CURRENT_HOST" > "$SM_MODEL_DIR/$SM_CURRENT_HOST"
"""


def test_work_with_data_in_s3(s3job, bucket, make_channel):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo("train.sh")
        entry.size = len(SCRIPT)
        tar.addfile(entry, io.BytesIO(SCRIPT))
    bucket.put(**{"code/sourcedir.tar.gz": packed.getvalue()})
    bucket.put(**{f"data/{i}": f"{i};" for i in range(5)})
    shared = {"S3DataDistributionType": "ShardedByS3Key"}
    request = s3job.request(
        TrainingJobName="several",
        HyperParameters={
            "sagemaker_submit_directory": json.dumps(bucket.uri("code/sourcedir.tar.gz")),
            "sagemaker_program": json.dumps("train.sh"),
            "sagemaker_s3_output": json.dumps(bucket.uri("live")),
        },
        InputDataConfig=[
            make_channel("all", bucket.uri("data/")),
            make_channel("shared", bucket.uri("data/"), **shared),
            make_channel("fast", bucket.uri("data/"), mode="FastFile", **shared),
            make_channel("pipe", bucket.uri("data/"), mode="Pipe", **shared),
        ],
        CheckpointConfig={"S3Uri": bucket.uri("checkpoints")},
        OutputDataConfig={"S3OutputPath": bucket.uri("out")},
    )
    code, out, err = s3job.run(request, "--instance-count", "2")
    assert code == 0, err + out
    for number, share in ((1, "0;2;4;"), (2, "1;3;")):
        log = s3job.log_of(number).splitlines()
        assert "all: 0;1;2;3;4;" in log
        for name in ("shared", "fast", "pipe"):
            assert f"{name}: {share}" in log
    assert bucket.archive("out/several/output/model.tar.gz") == {
        "algo-1": "algo-1\n", "algo-2": "algo-2\n",
    }  # fmt: skip
    for place in ("checkpoints/", "live/several/output/intermediate/"):
        assert bucket.keys(place) == [f"{place}algo-1", f"{place}algo-2"]
