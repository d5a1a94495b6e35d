"""A prefix becomes a directory and a directory a prefix."""

import os

import pytest

pytestmark = pytest.mark.usefixtures("no_leftovers")


def tree(root):
    return {str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*") if path.is_file()}


def test_a_tree_goes_there_and_back(tool, bucket, tmp_path):
    source = tmp_path / "source"
    files = {f"d{n % 7}/ü {n}": os.urandom(n * 100) for n in range(60)}
    files["big"] = os.urandom(12 << 20)
    files["empty"] = b""
    for name, content in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    (source / "link").symlink_to("empty")
    os.mkfifo(source / "fifo")
    up = tool("up", source, f"s3://{bucket}/p", ok=True)
    assert up.stdout.split()[0] == b"%d" % (len(files) + 1)
    assert b"fifo" in up.stderr
    tool("down", f"s3://{bucket}/p", tmp_path / "target", ok=True)
    assert tree(tmp_path / "target") == {**files, "link": b""}


def test_a_prefix_is_a_folder_not_the_beginning_of_a_name(tool, boto, bucket, tmp_path):
    for key in ("data/x", "database/y", "data.csv"):
        boto.put_object(Bucket=bucket, Key=key, Body=b"1")
    tool("down", f"s3://{bucket}/data", tmp_path / "t", ok=True)
    assert set(tree(tmp_path / "t")) == {"x"}


def test_an_object_that_is_the_prefix_keeps_its_name(tool, boto, bucket, tmp_path):
    boto.put_object(Bucket=bucket, Key="a/b.csv", Body=b"1")
    tool("down", f"s3://{bucket}/a/b.csv", tmp_path / "t", ok=True)
    assert tree(tmp_path / "t") == {"b.csv": b"1"}


def test_an_empty_prefix_is_an_empty_directory(tool, bucket, tmp_path):
    assert tool("down", f"s3://{bucket}/none", tmp_path / "t", ok=True).stdout == b"0 0\n"
    assert (tmp_path / "t").is_dir()


@pytest.mark.parametrize("server", ["moto"], indirect=True)  # others refuse such keys themselves
@pytest.mark.parametrize("key", ["p/../escape", "p/a/../../escape", "p//absolute", "p/./x", "p/x/.."])
def test_keys_that_leave_the_directory_are_refused_by_name(tool, boto, bucket, tmp_path, key):
    boto.put_object(Bucket=bucket, Key=key, Body=b"evil")
    done = tool("down", f"s3://{bucket}/p", tmp_path / "inner" / "t", ok=False)
    assert f"s3://{bucket}/{key} cannot become a file" in done.stderr.decode()
    assert not list(tmp_path.rglob("escape")) and not tree(tmp_path / "inner")


@pytest.mark.parametrize("server", ["moto"], indirect=True)
def test_an_object_whose_name_is_anothers_folder_is_refused_by_name(tool, boto, bucket, tmp_path):
    boto.put_object(Bucket=bucket, Key="p/a", Body=b"1")
    boto.put_object(Bucket=bucket, Key="p/a/b", Body=b"2")
    done = tool("down", f"s3://{bucket}/p", tmp_path / "t", ok=False)
    assert f"s3://{bucket}/p/a" in done.stderr.decode()


@pytest.mark.parametrize("server", ["moto"], indirect=True)
def test_an_object_that_ends_in_a_slash_is_a_folder(tool, boto, bucket, tmp_path):
    boto.put_object(Bucket=bucket, Key="p/", Body=b"")
    boto.put_object(Bucket=bucket, Key="p/folder/", Body=b"")
    tool("down", f"s3://{bucket}/p", tmp_path / "t", ok=True)
    assert (tmp_path / "t" / "folder").is_dir()
    boto.put_object(Bucket=bucket, Key="p/folder/", Body=b"content")
    done = tool("down", f"s3://{bucket}/p", tmp_path / "t", ok=False)
    assert f"s3://{bucket}/p/folder/" in done.stderr.decode()


def test_a_name_that_cannot_be_a_key_is_refused_by_name(tool, bucket, tmp_path):
    (tmp_path / "s").mkdir()
    open(os.fsencode(tmp_path / "s") + b"/\xff", "w").close()
    done = tool("up", tmp_path / "s", f"s3://{bucket}/p", ok=False)
    assert "its name is not UTF-8" in done.stderr.decode()
