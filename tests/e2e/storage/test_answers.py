"""What Amazon answers and no server of the tests: fakes in front of one that is real."""

import hashlib
import os
import re

import pytest

from fakes import ask, http_server

pytestmark = [pytest.mark.usefixtures("no_leftovers"),
              pytest.mark.parametrize("server", ["moto"], indirect=True)]


@pytest.mark.parametrize("size", [1000, 7 << 20])
def test_a_bucket_in_another_region_is_followed_there(tool, server, bucket, tmp_path, size):
    regions = []

    def answer(method, path, headers, body):
        region = re.search("Credential=[^/]*/[0-9]*/([^/]*)/s3/", headers["Authorization"])[1]
        regions.append(region)
        if region == "eu-west-3":
            return ask(server, method, path, headers, body)
        document = "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>"
        return 301, "" if method == "HEAD" else document, {"x-amz-bucket-region": "eu-west-3"}

    content = os.urandom(size)
    (tmp_path / "in").write_bytes(content)
    (tmp_path / "lines").write_text(f"put {tmp_path}/in s3://{bucket}/k\nhead s3://{bucket}/k\n"
                                    f"get s3://{bucket}/k {tmp_path}/out\n")
    with http_server(answer) as port:
        env = {"S3_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        done = tool("batch", tmp_path / "lines", ok=True, env=env)
        assert done.stdout.count(b"ok ") == 3, done.stdout
        assert (tmp_path / "out").read_bytes() == content
        # Asked once, known from then on.
        assert regions.count("us-east-1") == 1 and regions[0] == "us-east-1"
        assert f'the bucket "{bucket}" is in eu-west-3, not in us-east-1' in done.stderr.decode()
        # A HEAD has no body to say why.
        del regions[:]
        tool("head", f"s3://{bucket}/k", ok=True, env=env)
        assert regions == ["us-east-1", "eu-west-3"]


@pytest.mark.parametrize("header", ["eu-west-3", None, "evil.example/"])
def test_a_bucket_that_is_nowhere_is_asked_for_no_longer_than_needed(tool, bucket, tmp_path, header):
    asked = []

    def answer(*_):
        asked.append(1)
        return 301, "<Error><Code>PermanentRedirect</Code></Error>", \
            {"x-amz-bucket-region": header} if header else {}

    with http_server(answer) as port:
        done = tool("get", f"s3://{bucket}/k", tmp_path / "out", ok=False,
                    env={"S3_ENDPOINT_URL": f"http://127.0.0.1:{port}"})
    # A HEAD, a GET that may say why; in both regions. More where a busy machine broke a connection.
    assert len(asked) <= 8
    assert "301" in done.stderr.decode() and "evil" not in done.stderr.decode()
    assert "the bucket is" in done.stderr.decode()


@pytest.mark.parametrize("encrypted", [True, False])
@pytest.mark.parametrize("size", [1000, 7 << 20])
def test_the_etag_of_an_encrypted_object_is_no_md5(tool, server, boto, bucket, tmp_path, size,
                                                   encrypted):
    """With aws:kms an ETag is 32 hexadecimal digits as well. Only the header tells."""
    content = os.urandom(size)
    boto.put_object(Bucket=bucket, Key="k", Body=content)
    md5, other = hashlib.md5(content).hexdigest(), hashlib.md5(b"other").hexdigest()

    def answer(method, path, headers, body):
        headers = {name: value.replace(other, md5) for name, value in headers.items()}
        status, content, headers = ask(server, method, path, headers, body)
        headers = {name: value.replace(md5, other) for name, value in headers.items()}
        if encrypted:
            headers["x-amz-server-side-encryption"] = "aws:kms"
            headers["x-amz-server-side-encryption-aws-kms-key-id"] = "arn:aws:kms:k"
        return status, content, headers

    with http_server(answer) as port:
        done = tool("get", f"s3://{bucket}/k", tmp_path / "out", ok=encrypted,
                    env={"S3_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                         "BERTH_TEST_ATTEMPTS": "2"})
    if encrypted:
        assert (tmp_path / "out").read_bytes() == content
    else:
        assert "checksum" in done.stderr.decode()
        assert not (tmp_path / "out").exists()


def test_objects_that_a_server_encrypts_with_kms(tool, boto, bucket, tmp_path):
    content = os.urandom(7 << 20)
    boto.put_object(Bucket=bucket, Key="k", Body=content, ServerSideEncryption="aws:kms",
                    SSEKMSKeyId="arn:aws:kms:us-east-1:123456789012:key/k")
    tool("get", f"s3://{bucket}/k", tmp_path / "out", ok=True)
    assert (tmp_path / "out").read_bytes() == content
