"""Code in S3 is fetched by the job itself, as on the platform."""

import io
import json
import tarfile


def test_is_fetched_by_the_job(s3job, bucket):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        script = b"#!/bin/sh\necho it ran\n"
        entry = tarfile.TarInfo("train.sh")
        entry.size = len(script)
        tar.addfile(entry, io.BytesIO(script))
    bucket.put(**{"code/sourcedir.tar.gz": packed.getvalue()})
    request = s3job.request(
        HyperParameters={
            "sagemaker_submit_directory": json.dumps(bucket.uri("code/sourcedir.tar.gz")),
            "sagemaker_program": json.dumps("train.sh"),
        }
    )
    code, _, err = s3job.run(request)
    assert code == 0, err
    assert "it ran" in s3job.log
