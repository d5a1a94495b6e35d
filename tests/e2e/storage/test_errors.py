"""What people are told."""

import os

import pytest

pytestmark = pytest.mark.usefixtures("no_leftovers")


def said(done):
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("server", ["s3proxy"], indirect=True)
def test_a_wrong_secret_is_refused_and_never_printed(tool, bucket, tmp_path):
    done = tool("get", f"s3://{bucket}/k", tmp_path / "out", ok=False,
                env={"AWS_SECRET_ACCESS_KEY": "wrong-secret-value"})
    assert f"cannot get s3://{bucket}/k: 403 SignatureDoesNotMatch" in said(done)
    assert said(done).endswith("the secret access key is wrong")
    assert "credentials: environment variables" in said(done)
    assert "wrong-secret-value" not in done.stderr.decode() + done.stdout.decode()


@pytest.mark.parametrize("server", ["s3proxy"], indirect=True)
def test_an_unknown_key_is_refused(tool, bucket, tmp_path):
    done = tool("put", "/dev/null", f"s3://{bucket}/k", env={"AWS_ACCESS_KEY_ID": "nobody"})
    assert done.returncode == 1
    done = tool("get", f"s3://{bucket}/k", tmp_path / "out", ok=False,
                env={"AWS_ACCESS_KEY_ID": "nobody"})
    assert "403 InvalidAccessKeyId" in said(done)


def test_a_missing_object_names_its_neighbours(tool, boto, bucket, tmp_path):
    boto.put_object(Bucket=bucket, Key="data/train.csv", Body=b"1")
    done = tool("get", f"s3://{bucket}/data/trian.csv", tmp_path / "out", ok=False)
    assert f"cannot get s3://{bucket}/data/trian.csv: 404 NoSuchKey" in said(done)
    assert said(done).endswith(f"did you mean s3://{bucket}/data/train.csv?")
    done = tool("cat", f"s3://{bucket}/data/quite-different", ok=False)
    assert said(done).endswith(f"below s3://{bucket}/data/ there is \"train.csv\"")
    done = tool("get", f"s3://{bucket}/nothing/here", tmp_path / "out", ok=False)
    assert said(done).endswith(f"nothing is below s3://{bucket}/nothing/")


def test_a_missing_bucket_is_named(tool, bucket, tmp_path):
    for words in (["ls", "s3://no-such-bucket/p"], ["get", "s3://no-such-bucket/p", tmp_path / "o"],
                  ["put", __file__, "s3://no-such-bucket/p"]):
        line = said(tool(*words, ok=False))
        assert "s3://no-such-bucket/p: 404 NoSuchBucket" in line
        assert "there is no bucket \"no-such-bucket\" at" in line


def test_an_endpoint_where_nothing_listens_is_named(tool, bucket):
    done = tool("ls", f"s3://{bucket}/", ok=False,
                env={"S3_ENDPOINT_URL": "http://127.0.0.1:1", "BERTH_TEST_ATTEMPTS": "2",
                     "BERTH_TEST_BACKOFF_MS": "1"})
    assert said(done).endswith("nothing listens at 127.0.0.1:1: check the endpoint")


def test_no_credentials_at_all(tool, bucket):
    done = tool("ls", f"s3://{bucket}/", ok=False,
                env={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None})
    assert "no AWS credentials (no source is configured)" in said(done)


def test_a_name_that_does_not_resolve(tool, bucket):
    done = tool("ls", f"s3://{bucket}/", ok=False,
                env={"S3_ENDPOINT_URL": "http://berth.invalid", "BERTH_TEST_ATTEMPTS": "1"})
    assert "berth.invalid" in said(done) and "cannot be resolved" in said(done)


def test_names_of_the_hosts_file_resolve(tool, boto, bucket, server):
    port = server.url.rsplit(":", 1)[1]
    tool("ls", f"s3://{bucket}/", ok=True, env={"S3_ENDPOINT_URL": f"http://localhost:{port}"})


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_named(tool, boto, bucket, tmp_path):
    boto.put_object(Bucket=bucket, Key="k", Body=b"1")
    (tmp_path / "ro").mkdir(mode=0o500)
    done = tool("get", f"s3://{bucket}/k", tmp_path / "ro" / "x", ok=False)
    assert f"cannot get s3://{bucket}/k: cannot write" in said(done)


def test_a_place_that_cannot_be_written_is_named(tool, boto, bucket):
    boto.put_object(Bucket=bucket, Key="k", Body=b"1")
    done = tool("get", f"s3://{bucket}/k", "/proc/x", ok=False)
    assert f"cannot get s3://{bucket}/k: cannot write \"/proc/x\"" in said(done)
