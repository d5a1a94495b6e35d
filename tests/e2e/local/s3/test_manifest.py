"""A manifest names the objects of a channel."""

import json


def test_names_objects_below_its_prefix(s3job, make_channel, bucket):
    bucket.put(**{"d/a": "one", "d/sub/b": "two", "d/c": "left out"})
    bucket.put(**{"m.json": json.dumps([{"prefix": bucket.uri("d/")}, "a", "sub/b"])})
    request = s3job.request(
        InputDataConfig=[make_channel("train", bucket.uri("m.json"), S3DataType="ManifestFile")]
    )
    code, _, err = s3job.run(
        request, *s3job.code('cd "$SM_CHANNEL_TRAIN"; cat a sub/b; find . -type f | wc -l')
    )
    assert code == 0, err
    assert "onetwo2\n" in s3job.log


def test_on_this_machine(local, make_channel):
    data = local.data(a="one", b="two")
    (local.base / "m.json").write_text(json.dumps([{"prefix": f"file://{data}/"}, "b"]))
    request = local.request(
        InputDataConfig=[make_channel("train", "file://m.json", S3DataType="ManifestFile")]
    )
    code, _, err = local.run(request, *local.code('cd "$SM_CHANNEL_TRAIN"; ls; cat b'))
    assert code == 0, err
    assert "b\ntwo" in local.log and "one" not in local.log


def test_an_object_that_is_missing_is_named(s3job, make_channel, bucket):
    bucket.put(**{"d/a": "one"})
    bucket.put(**{"m.json": json.dumps([{"prefix": bucket.uri("d/")}, "a", "gone"])})
    request = s3job.request(
        InputDataConfig=[make_channel("train", bucket.uri("m.json"), S3DataType="ManifestFile")]
    )
    code, _, _ = s3job.run(request, *s3job.code("echo started"))
    assert code == 1
    assert bucket.uri("d/gone") in s3job.record["FailureReason"]


def test_a_suffix_does_not_leave_the_channel(s3job, make_channel, bucket):
    bucket.put(**{"m.json": json.dumps([{"prefix": bucket.uri("d/")}, "../x"])})
    request = s3job.request(
        InputDataConfig=[make_channel("train", bucket.uri("m.json"), S3DataType="ManifestFile")]
    )
    code, _, _ = s3job.run(request, *s3job.code("echo started"))
    assert code == 1
    assert 'the segment ".."' in s3job.record["FailureReason"]
