"""One object, there and back, written and read by boto3 too."""

import os

import pytest

MIB = 1 << 20
KEYS = ["plain", "with space", "ünï/cödé-日本語 🙂", "a+b%20c?d#e&f=g", "deep/" * 20 + "x", "quote'\"<&>",
        "tilde~(paren)!*", "dots/..hidden../a..b"]

pytestmark = pytest.mark.usefixtures("no_leftovers")


@pytest.mark.parametrize("key", KEYS)
def test_any_key_goes_there_and_back(tool, boto, bucket, tmp_path, key):
    (tmp_path / "in").write_bytes(key.encode())
    tool("put", tmp_path / "in", f"s3://{bucket}/{key}", ok=True)
    assert boto.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    boto.put_object(Bucket=bucket, Key=key, Body=b"theirs")
    tool("get", f"s3://{bucket}/{key}", tmp_path / "out", ok=True)
    assert (tmp_path / "out").read_bytes() == b"theirs"
    listed = tool("ls", f"s3://{bucket}/", ok=True).stdout.decode()
    assert f"6\t{key}\n" in listed
    tool("rm", f"s3://{bucket}/{key}", ok=True)
    assert "Contents" not in boto.list_objects_v2(Bucket=bucket, Prefix=key)
    tool("rm", f"s3://{bucket}/{key}", ok=True)  # a second time is no error


@pytest.mark.parametrize("size", [0, 1, 65536, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 23 * MIB + 7])
def test_any_size_goes_there_and_back(tool, boto, bucket, tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "in").write_bytes(content)
    tool("put", tmp_path / "in", f"s3://{bucket}/k", ok=True)
    assert boto.get_object(Bucket=bucket, Key="k")["Body"].read() == content
    tool("get", f"s3://{bucket}/k", tmp_path / "new" / "folder" / "out", ok=True)
    assert (tmp_path / "new" / "folder" / "out").read_bytes() == content
    assert tool("cat", f"s3://{bucket}/k", ok=True).stdout == content
    assert tool("head", f"s3://{bucket}/k", ok=True).stdout.split()[0] == b"%d" % size


def test_a_range_is_of_the_version_that_was_asked_for(tool, boto, bucket):
    content = os.urandom(3 * MIB)
    etag = boto.put_object(Bucket=bucket, Key="a b", Body=content)["ETag"].strip('"')
    uri = f"s3://{bucket}/a b"
    for offset, size in [(0, 1), (MIB - 1, 70_000), (3 * MIB - 5, 5), (0, 3 * MIB), (7, 0)]:
        got = tool("range", uri, offset, size, etag, ok=True).stdout
        assert got == content[offset : offset + size]
    boto.put_object(Bucket=bucket, Key="a b", Body=content[::-1])
    for offset, size in [(0, 1), (0, 3 * MIB)]:
        refused = tool("range", uri, offset, size, etag, ok=False)
        assert refused.stderr.decode() == (
            f"cannot get {uri}: the object is no longer the one that was listed: it was replaced "
            "meanwhile\n"
        )


def test_what_boto3_uploads_in_parts_arrives_whole(tool, boto, bucket, tmp_path):
    content = os.urandom(20 * MIB + 1)
    (tmp_path / "in").write_bytes(content)
    boto.upload_file(str(tmp_path / "in"), bucket, "k")
    tool("get", f"s3://{bucket}/k", tmp_path / "out", ok=True)
    assert (tmp_path / "out").read_bytes() == content


def test_a_file_keeps_its_old_content_until_the_new_one_is_whole(tool, boto, bucket, tmp_path):
    (tmp_path / "out").write_text("old")
    tool("get", f"s3://{bucket}/missing", tmp_path / "out", ok=False)
    assert (tmp_path / "out").read_text() == "old"


def test_a_file_gets_the_mode_that_the_umask_leaves(tool, boto, bucket, tmp_path):
    boto.put_object(Bucket=bucket, Key="k", Body=b"x")
    before = os.umask(0o027)
    try:
        tool("get", f"s3://{bucket}/k", tmp_path / "out", ok=True)
    finally:
        os.umask(before)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o640


def test_more_keys_than_a_page_has(tool, boto, bucket, tmp_path):
    count = 1050
    for number in range(count):
        boto.put_object(Bucket=bucket, Key=f"many/{number:05d}", Body=b"")
    lines = tool("ls", f"s3://{bucket}/many/", ok=True).stdout.decode().splitlines()
    assert lines == [f"0\tmany/{number:05d}" for number in range(count)]
