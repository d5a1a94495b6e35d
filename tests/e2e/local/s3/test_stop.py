"""A job that is asked to stop while its data moves ends soon, with nothing half there."""

import signal
import time

import pytest

import servers


@pytest.mark.parametrize("server", ["moto"], indirect=True)
def test_during_the_download(s3job, bucket, server):
    bucket.put(**{"d/a": b"x" * (1 << 20)})
    with servers.FaultProxy(server, lambda random: {"stall_after": 100_000}) as proxy:
        job = s3job.start(
            *s3job.code("echo started"), "--channel", f"train={bucket.uri('d/')}",
            variables=proxy.environment,
        )  # fmt: skip
        proxy.wait_for(struck=1)
        before = time.monotonic()
        job.send(signal.SIGINT)
        code, out, err = job.end()
    assert time.monotonic() - before < 15
    assert code == 130, err
    assert s3job.record["TrainingJobStatus"] == "Stopped"
    assert "started" not in out
    assert not (s3job.output / ".work").exists()


@pytest.mark.parametrize("server", ["moto"], indirect=True)
def test_of_a_stream_that_nobody_reads(s3job, make_channel, bucket):
    bucket.put(**{"d/a": b"x" * (8 << 20)})
    request = s3job.request(InputDataConfig=[make_channel("train", bucket.uri("d/"), "Pipe")])
    code, _, err = s3job.run(
        request,
        *s3job.code("exec 3< ${SAGEMAKER_BASE_DIR:-/opt/ml}/input/data/train_0; echo opened"),
    )
    assert code == 0, err
    assert "opened" in s3job.log


@pytest.mark.parametrize("server", ["moto"], indirect=True)
def test_by_kill_9_leaves_no_process_that_moves_data(s3job, make_channel, bucket):
    bucket.put(**{"d/a": b"x" * (8 << 20)})
    request = s3job.request(
        InputDataConfig=[make_channel("train", bucket.uri("d/"), "Pipe")],
        CheckpointConfig={"S3Uri": bucket.uri("c")},
    )
    job = s3job.start(request, *s3job.code("echo ready; sleep 3600"))
    job.wait_for("ready")
    job.send(signal.SIGKILL)
    job.process.wait()
    # Every process of the job holds our end of stderr, or its socket: the end comes without them.
    job.process.stderr.read()
