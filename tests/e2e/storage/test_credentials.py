"""Every source of credentials, each against a small fake of what gives them."""

import contextlib
import datetime
import http.server
import json
import threading

import pytest

import tls

pytestmark = pytest.mark.parametrize("server", ["s3proxy"], indirect=True)

NONE = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def expiry(seconds):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def http_server(answer):
    """answer(method, path, headers, body) -> (status, text). Yields the port."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, text = answer(self.command, self.path, self.headers, body.decode())
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_PUT = do_POST = handle_any

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def fake():
    with contextlib.ExitStack() as stack:
        yield lambda answer: f"http://127.0.0.1:{stack.enter_context(http_server(answer))}"


def document(server, seconds=3600, **changes):
    return json.dumps({"AccessKeyId": server.key, "SecretAccessKey": server.secret, "Token": "",
                       "Expiration": expiry(seconds), **changes})


def test_the_containers_endpoint(tool, server, bucket, fake, tmp_path):
    seen = []

    def answer(method, path, headers, body):
        seen.append((path, headers.get("Authorization")))
        return 200, document(server)

    url = fake(answer)
    (tmp_path / "token").write_text("from-file")
    tool("ls", f"s3://{bucket}/", ok=True, env={
        **NONE, "AWS_CONTAINER_CREDENTIALS_FULL_URI": url + "/role",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "from-variable"})
    tool("ls", f"s3://{bucket}/", ok=True, env={
        **NONE, "AWS_CONTAINER_CREDENTIALS_FULL_URI": url + "/role",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token")})
    assert seen == [("/role", "from-variable"), ("/role", "from-file")]


def test_a_containers_endpoint_that_fails_is_named(tool, bucket, fake):
    url = fake(lambda *_: (500, "broken"))
    done = tool("ls", f"s3://{bucket}/", ok=False, env={
        **NONE, "AWS_CONTAINER_CREDENTIALS_FULL_URI": url,
        "AWS_EC2_METADATA_DISABLED": "false", "BERTH_TEST_CREDENTIALS_MS": "15000"})
    assert "no AWS credentials (container credentials endpoint:" in done.stderr.decode()
    assert "IMDS" not in done.stderr.decode()  # never the machine's role in its place


def test_the_machines_role_over_imds_version_2(tool, server, moto, fake):
    seen = []

    def answer(method, path, headers, body):
        seen.append((method, path))
        if method == "PUT" and path == "/latest/api/token":
            return 200, "session-token"
        if headers.get("x-aws-ec2-metadata-token") != "session-token":
            return 401, ""
        if path.rstrip("/").endswith("security-credentials"):
            return 200, "the-role"
        if path.endswith("/the-role"):
            return 200, document(server, Code="Success", Token="t")
        return 404, ""

    # S3Proxy knows no session tokens, and the CRT no machine without one.
    done = tool("ls", "s3://no-such-bucket/", ok=False, env={
        **NONE, "AWS_EC2_METADATA_DISABLED": None, "S3_ENDPOINT_URL": moto.url,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": fake(answer)})
    assert "credentials: instance metadata service (IMDS)" in done.stderr.decode()
    assert seen[0] == ("PUT", "/latest/api/token"), seen


def test_a_web_identity_token_through_a_proxy(tool, server, bucket, tmp_path):
    """STS is HTTPS at port 443 always, so a proxy brings the request to the fake."""
    asked = []

    def answer(method, path, headers, body):
        asked.append(body + path)
        return 200, f"""<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>
            <Credentials><AccessKeyId>{server.key}</AccessKeyId>
            <SecretAccessKey>{server.secret}</SecretAccessKey><SessionToken></SessionToken>
            <Expiration>{expiry(3600)}</Expiration></Credentials>
            </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""

    authority = tls.Authority(tmp_path)
    (tmp_path / "token").write_text("the-token")
    with http_server(answer) as plain, \
            authority.terminator(plain, "sts.us-east-1.amazonaws.com") as secure, \
            tls.ConnectProxy(secure) as proxy:
        tool("ls", f"s3://{bucket}/", ok=True, env={
            **NONE, "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "HTTPS_PROXY": proxy.url,
            "AWS_CA_BUNDLE": str(authority.certificate)})
    assert proxy.asked == ["sts.us-east-1.amazonaws.com:443"]
    assert "the-token" in asked[0] and "role%2Fr" in asked[0]


def test_a_profile_and_its_region(tool, server, bucket, tmp_path):
    (tmp_path / "config").write_text("[profile p]\nregion = eu-west-3\n")
    (tmp_path / "credentials").write_text(
        f"[p]\naws_access_key_id = {server.key}\naws_secret_access_key = {server.secret}\n")
    env = {**NONE, "AWS_PROFILE": "p", "AWS_CONFIG_FILE": str(tmp_path / "config"),
           "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "AWS_REGION": None}
    tool("ls", f"s3://{bucket}/", ok=True, env=env)
    (tmp_path / "credentials").write_text(
        "[p]\naws_access_key_id = identity\naws_secret_access_key = wrong\n")
    done = tool("ls", f"s3://{bucket}/", ok=False, env=env)
    assert "credentials: profile" in done.stderr.decode()


def test_a_profiles_credential_process(tool, server, bucket, tmp_path):
    answer = {"Version": 1, "AccessKeyId": server.key, "SecretAccessKey": server.secret,
              "SessionToken": "", "Expiration": expiry(3600)}
    (tmp_path / "answer").write_text(json.dumps(answer))
    (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {tmp_path}/answer\n")
    tool("ls", f"s3://{bucket}/", ok=True,
         env={**NONE, "AWS_CONFIG_FILE": str(tmp_path / "config")})


def test_credentials_are_renewed_before_they_expire(tool, server, bucket, fake, tmp_path):
    asked = []

    def answer(*_):
        asked.append(1)
        # The first are valid, but not for long enough.
        return 200, document(server, 120 if len(asked) == 1 else 3600)

    (tmp_path / "lines").write_text(f"ls s3://{bucket}/\n" * 4)
    done = tool("batch", tmp_path / "lines", ok=True, env={
        **NONE, "AWS_CONTAINER_CREDENTIALS_FULL_URI": fake(answer)})
    assert done.stdout.decode().splitlines() == ["ok "] * 4
    assert len(asked) == 2


def test_a_failed_renewal_does_not_hurt_while_the_old_ones_are_valid(tool, server, bucket, fake,
                                                                     tmp_path):
    asked = []

    def answer(*_):
        asked.append(1)
        return (200, document(server, 120)) if len(asked) == 1 else (500, "")

    (tmp_path / "lines").write_text(f"ls s3://{bucket}/\n" * 3)
    done = tool("batch", tmp_path / "lines", ok=True, env={
        **NONE, "AWS_CONTAINER_CREDENTIALS_FULL_URI": fake(answer)})
    assert done.stdout.decode().splitlines() == ["ok "] * 3
    assert "keeping the credentials from the container credentials endpoint" in done.stderr.decode()


def test_secrets_stay_out_of_every_message(tool, server, bucket, fake):
    url = fake(lambda *_: (200, document(server, SecretAccessKey="very-secret", Token="very-token")))
    done = tool("ls", f"s3://{bucket}/", ok=False,
                env={**NONE, "AWS_CONTAINER_CREDENTIALS_FULL_URI": url,
                     "AWS_CONTAINER_AUTHORIZATION_TOKEN": "very-authorized"})
    assert "very-" not in done.stderr.decode() + done.stdout.decode()
