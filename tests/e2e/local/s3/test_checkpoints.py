"""Checkpoints are where CheckpointConfig.S3Uri says: before the start, meanwhile, at the end."""

import signal
import time

import pytest

CHECKPOINTS = "cd ${SAGEMAKER_BASE_DIR:-/opt/ml}/checkpoints\n"
# Counts on from the last checkpoint, and says so.
COUNT = CHECKPOINTS + """
trap 'rm -f n.tmp; echo "last words" > said; exit 143' TERM
n=$(cat n 2>/dev/null || echo 0)
echo "begins at $n"
if [ "$n" -gt 0 ]; then [ -e doomed ] && echo "doomed is back"; echo done > end; exit 0; fi
echo 1 > doomed
while :; do
  n=$((n+1)); echo $n > n.tmp; mv n.tmp n
  if [ "$n" = 2 ]; then rm doomed; fi
  if [ "$n" = 3 ]; then echo "counted"; fi
  sleep 0.2
done
"""


def wait_until(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "did not come true"
        time.sleep(0.1)


def test_are_restored_and_brought_back(s3job, bucket):
    bucket.put(**{"c/old": "1", "c/sub/kept": "2"})
    request = s3job.request(CheckpointConfig={"S3Uri": bucket.uri("c")})
    code, _, err = s3job.run(
        request, *s3job.code(CHECKPOINTS + "cat old sub/kept; rm old; echo 3 > sub/new")
    )
    assert code == 0, err
    assert "12" in s3job.log
    assert bucket.keys("c/") == ["c/sub/kept", "c/sub/new"]
    assert bucket.get("c/sub/new") == b"3\n"
    assert "restored 2 checkpoint files (2 B)" in err


def test_go_there_while_the_job_runs(s3job, bucket):
    request = s3job.request(CheckpointConfig={"S3Uri": bucket.uri("c")})
    job = s3job.start(request, *s3job.code(COUNT))
    job.wait_for("counted")
    wait_until(lambda: bucket.keys("c/") == ["c/n"])
    job.send(signal.SIGINT)
    code, _, err = job.end()
    assert code == 130, err
    assert bucket.get("c/said") == b"last words\n"
    assert "no checkpoints in" in err


@pytest.mark.parametrize("place", ["s3", "file"])
def test_carry_an_interrupted_job_on(s3job, bucket, place):
    folder = s3job.data("kept")
    uri = bucket.uri("c") if place == "s3" else f"file://{folder}"
    request = s3job.request(CheckpointConfig={"S3Uri": uri})
    code, out, err = s3job.run(request, *s3job.code(COUNT), "--interrupt-after", "3")
    assert code == 0, err
    assert "begins at 0\n" in s3job.log
    again = (s3job.output / "logs" / "algo-1-2.log").read_text()
    assert "begins at " in again and "begins at 0\n" not in again and "doomed" not in again
    record = s3job.record
    assert [t["Status"] for t in record["SecondaryStatusTransitions"]] == [
        "Starting", "Downloading", "Training", "Interrupted",
        "Starting", "Downloading", "Training", "Uploading", "Completed",
    ]  # fmt: skip
    assert record["TrainingJobStatus"] == "Completed"
    assert "the job starts again with 2 checkpoint files" in err
    if place == "s3":
        assert bucket.keys("c/") == ["c/end", "c/n", "c/said"]
        assert "restored 2 checkpoint files" in err
    else:
        assert sorted(p.name for p in folder.iterdir()) == ["end", "n", "said"]


def test_are_needed_for_an_interruption(local):
    code, _, err = local.run(*local.code(""), "--interrupt-after", "3")
    assert code == 2
    assert "--interrupt-after: needs a CheckpointConfig.S3Uri in the request" in err


def test_a_job_that_ends_before_is_not_interrupted(s3job, bucket):
    request = s3job.request(CheckpointConfig={"S3Uri": bucket.uri("c")})
    code, _, err = s3job.run(request, *s3job.code("echo ran"), "--interrupt-after", "600")
    assert code == 0, err
    assert "the job ended before it was to be interrupted" in err


def test_that_do_not_arrive_fail_the_job(s3job, bucket, server):
    request = s3job.request(CheckpointConfig={"S3Uri": bucket.uri("c")})
    job = s3job.start(
        request,
        *s3job.code(CHECKPOINTS + 'echo ready; while [ ! -e "$GO" ]; do sleep 0.1; done; echo 1 > n'),
        "--env", f"GO={s3job.base}/go",
    )  # fmt: skip
    job.wait_for("ready")
    bucket.boto.delete_bucket(Bucket=bucket.name)
    (s3job.base / "go").touch()
    code, _, err = job.end()
    assert code == 1, err
    reason = s3job.record["FailureReason"]
    assert reason.startswith("ClientError: Checkpoint upload failed: ")
    assert reason.endswith(f'the last state is in "{s3job.output}/checkpoints"')
    assert (s3job.output / "checkpoints" / "n").read_text() == "1\n"


def test_links_are_followed_within_them(s3job, bucket):
    request = s3job.request(CheckpointConfig={"S3Uri": bucket.uri("c")})
    code, _, err = s3job.run(
        request,
        *s3job.code(
            CHECKPOINTS + "echo 1 > ok; mkdir step1; echo 2 > step1/w; ln -s ok latest; "
            'ln -s "$PWD/ok" abslatest; ln -s step1 stepl; ln -s /etc/hostname host'
        ),
    )
    assert code == 0, err
    assert {key: bucket.get(key) for key in bucket.keys("c/")} == {
        "c/ok": b"1\n", "c/latest": b"1\n", "c/abslatest": b"1\n", "c/step1/w": b"2\n",
        "c/stepl/w": b"2\n",
    }  # fmt: skip
    assert f'/checkpoints/host": it is a link that leads out of the folder, to "/etc/hostname"' in err
