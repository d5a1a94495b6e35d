"""Channels of S3 are downloaded before the job starts."""

LIST = 'cd "$SM_CHANNEL_TRAIN" && find . -type f | LC_ALL=C sort | xargs -I{} sh -c \'printf "%s=%s\\n" "$1" "$(head -c 99 "$1")"\' - {}'


def test_a_prefix_is_a_folder(s3job, bucket):
    bucket.put(**{"data/a": "one", "data/sub/ü b": "two", "data/empty": ""})
    code, _, err = s3job.run(*s3job.code(LIST), "--channel", f"train={bucket.uri('data/')}")
    assert code == 0, err
    assert "./a=one\n./empty=\n./sub/ü b=two\n" in s3job.log
    assert "input data: 3 files, 6 B" in err
    assert not (s3job.output / ".work").exists()


def test_a_prefix_is_the_beginning_of_keys(s3job, bucket):
    bucket.put(**{"data/train-1.csv": "1", "data/train-2.csv": "2", "data/test.csv": "3"})
    code, _, err = s3job.run(*s3job.code(LIST), "--channel", f"train={bucket.uri('data/train')}")
    assert code == 0, err
    assert "./train-1.csv=1\n./train-2.csv=2\n" in s3job.log
    assert "test.csv" not in s3job.log


def test_one_object_keeps_its_name(s3job, bucket):
    bucket.put(**{"data/train.csv": "content"})
    code, _, err = s3job.run(
        *s3job.code(LIST), "--channel", f"train={bucket.uri('data/train.csv')}"
    )
    assert code == 0, err
    assert "./train.csv=content\n" in s3job.log


def test_a_large_object_and_many_small_ones(s3job, bucket):
    large = bytes(range(256)) * (12 << 12)
    bucket.put(**{f"d/{n:03}": f"{n}" for n in range(200)}, **{"d/large": large})
    code, _, err = s3job.run(
        *s3job.code('cd "$SM_CHANNEL_TRAIN"; ls | wc -l; md5sum large; cat 1*'),
        "--channel", f"train={bucket.uri('d/')}",
    )  # fmt: skip
    assert code == 0, err
    import hashlib

    assert hashlib.md5(large).hexdigest() in s3job.log
    assert "201\n" in s3job.log
    assert "".join(str(n) for n in range(100, 200)) in s3job.log


def test_is_read_only(s3job, bucket, namespaces):
    bucket.put(**{"d/a": "1"})
    code, _, err = s3job.run(
        *s3job.code('echo 2 > "$SM_CHANNEL_TRAIN/a" && exit 3; exit 0'),
        "--channel", f"train={bucket.uri('d/')}",
    )  # fmt: skip
    assert code == 0, err


def test_nothing_under_the_prefix_fails_the_job_before_it_starts(s3job, bucket):
    code, _, err = s3job.run(
        *s3job.code("echo started"), "--channel", f"train={bucket.uri('none/')}"
    )
    assert code == 1, err
    assert s3job.record["TrainingJobStatus"] == "Failed"
    assert s3job.record["FailureReason"] == (
        "ClientError: Data download failed: InputDataConfig[0] (channel \"train\"): No S3 objects "
        f"found under S3 URL \"{bucket.uri('none/')}\": put objects there, or correct the address "
        f"(a folder's ends in '/'); nothing is below {bucket.uri()}"
    )
    assert [t["Status"] for t in s3job.record["SecondaryStatusTransitions"]][:2] == [
        "Starting", "Downloading",
    ]  # fmt: skip
    assert "Training" not in [t["Status"] for t in s3job.record["SecondaryStatusTransitions"]]


def test_a_missing_bucket_is_named(s3job, server):
    code, _, err = s3job.run(*s3job.code(""), "--channel", "train=s3://no-such-bucket-anywhere/k")
    assert code == 1
    reason = s3job.record["FailureReason"]
    assert reason.startswith('ClientError: Data download failed: InputDataConfig[0] (channel "train"): ')
    assert "no-such-bucket-anywhere" in reason and "NoSuchBucket" in reason


def test_two_objects_that_cannot_both_be_files_are_named(s3job, bucket, server):
    if server.name != "moto":
        return  # others keep objects as files, and refuse these themselves
    bucket.put(**{"d/a": "1", "d/a/b": "2"})
    code, _, _ = s3job.run(*s3job.code(""), "--channel", f"train={bucket.uri('d/')}")
    assert code == 1
    assert f"{bucket.uri('d/a')}" in s3job.record["FailureReason"]


def test_a_mistyped_prefix_is_told_its_neighbour(s3job, bucket):
    bucket.put(**{"data/train/a": "1"})
    code, _, _ = s3job.run(*s3job.code(""), "--channel", f"train={bucket.uri('data/tran/')}")
    assert code == 1
    assert s3job.record["FailureReason"].endswith(
        f"; did you mean {bucket.uri('data/train/')}?"
    )
