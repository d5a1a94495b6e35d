"""Over TLS, with a certificate authority of one's own."""

import os
import time

import pytest

import tls

pytestmark = [pytest.mark.usefixtures("no_leftovers"),
              pytest.mark.parametrize("server", ["s3proxy"], indirect=True)]


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_named_authority_is_trusted(tool, server, bucket, tmp_path, variable):
    authority = tls.Authority(tmp_path)
    content = os.urandom(7 << 20)
    (tmp_path / "in").write_bytes(content)
    with authority.terminator(int(server.url.rsplit(":", 1)[1]), "localhost") as port:
        env = {"S3_ENDPOINT_URL": f"https://localhost:{port}",
               variable: str(authority.certificate)}
        tool("put", tmp_path / "in", f"s3://{bucket}/k", ok=True, env=env)
        tool("get", f"s3://{bucket}/k", tmp_path / "out", ok=True, env=env)
    assert (tmp_path / "out").read_bytes() == content


def test_an_unknown_authority_is_refused_at_once(tool, server, bucket, tmp_path):
    authority = tls.Authority(tmp_path)
    with authority.terminator(int(server.url.rsplit(":", 1)[1]), "localhost") as port:
        began = time.monotonic()
        done = tool("ls", f"s3://{bucket}/", ok=False,
                    env={"S3_ENDPOINT_URL": f"https://localhost:{port}"})
    # s2n answers a failed handshake after a random 10 to 30 s: once, not at every attempt.
    assert time.monotonic() - began < 45
    assert "is not trusted" in done.stderr.decode(), done.stderr.decode()
    assert "AWS_CA_BUNDLE" in done.stderr.decode()


def test_another_hosts_certificate_is_refused(tool, server, bucket, tmp_path):
    authority = tls.Authority(tmp_path)
    with authority.terminator(int(server.url.rsplit(":", 1)[1]), "other.example") as port:
        done = tool("ls", f"s3://{bucket}/", ok=False,
                    env={"S3_ENDPOINT_URL": f"https://localhost:{port}",
                         "AWS_CA_BUNDLE": str(authority.certificate)})
    assert "is not trusted" in done.stderr.decode()


def test_a_bundle_that_cannot_be_read_is_named(tool, bucket, tmp_path):
    done = tool("ls", f"s3://{bucket}/", ok=False,
                env={"S3_ENDPOINT_URL": "https://localhost:1",
                     "AWS_CA_BUNDLE": str(tmp_path / "missing.pem")})
    assert f"cannot read the certificate authorities in \"{tmp_path}/missing.pem\"" in \
        done.stderr.decode()
