"""An image that holds our binary, certificates, /etc/hosts and what every container runtime mounts
of /dev: no libc, no NSS, no resolver's configuration."""

import os
import shutil
import subprocess

import pytest

import tls

pytestmark = pytest.mark.parametrize("server", ["s3proxy"], indirect=True)

UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]
MOUNT = 'mount --bind /dev/urandom "$0/dev/urandom" && exec chroot "$0" "$@"'


@pytest.fixture
def image(tool_path, tmp_path):
    """Its folder; the binary is /tool."""
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("user namespaces are forbidden here")
    with open(tool_path, "rb") as file:
        if b"/ld-linux-" in file.read(4096):
            pytest.skip("the binary is not static")
    root = tmp_path / "image"
    (root / "etc/ssl/certs").mkdir(parents=True)
    (root / "dev").mkdir()
    (root / "dev/urandom").touch()
    shutil.copy(tool_path, root / "tool")
    (root / "etc/hosts").write_text("127.0.0.1 s3.test\n")
    return root


def run(image, server, *words, **environment):
    command = [*UNSHARE, "sh", "-c", MOUNT, image, "/tool", *words]
    return subprocess.run(command, timeout=120, capture_output=True, check=False, env={
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **server.environment,
        "AWS_EC2_METADATA_DISABLED": "true", **environment})


def test_a_name_is_resolved_and_an_object_comes(image, server, boto, bucket, tmp_path):
    content = os.urandom(7 << 20)
    boto.put_object(Bucket=bucket, Key="k", Body=content)
    authority = tls.Authority(tmp_path)
    # Where Debian has the certificates of the system.
    shutil.copy(authority.certificate, image / "etc/ssl/certs/ca-certificates.crt")
    with authority.terminator(int(server.url.rsplit(":", 1)[1]), "s3.test") as port:
        done = run(image, server, "get", f"s3://{bucket}/k", "/out",
                   S3_ENDPOINT_URL=f"https://s3.test:{port}")
    assert done.returncode == 0, done.stderr
    assert (image / "out").read_bytes() == content


def test_a_name_that_is_unknown_is_an_error(image, server):
    # Nothing answers there; without the file the resolver would ask the same address.
    (image / "etc/resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    done = run(image, server, "ls", "s3://bucket/", S3_ENDPOINT_URL="http://nowhere.test:1",
               BERTH_TEST_ATTEMPTS="2")
    assert done.returncode == 1
    assert b"the name nowhere.test cannot be resolved" in done.stderr, done.stderr


def test_without_certificates_it_says_so(image, server):
    shutil.rmtree(image / "etc/ssl")
    done = run(image, server, "ls", "s3://bucket/", S3_ENDPOINT_URL="https://s3.test:1")
    assert done.returncode == 1
    assert b"install the image's ca-certificates package" in done.stderr, done.stderr


def test_without_random_numbers_it_says_so(image, server):
    (image / "dev/urandom").unlink()
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", f"--root={image}", "/tool", "ls", "s3://bucket/"],
        timeout=120, capture_output=True, check=False, env={
            "PATH": os.environ["PATH"], **server.environment})
    assert done.returncode == 1
    assert b"cannot read /dev/urandom" in done.stderr, done.stderr
