"""Every source of credentials, each against a small fake of what gives them."""

import contextlib
import datetime
import hashlib
import json
import os
import signal
import threading
import time

import pytest

import tls
from fakes import http_server

pytestmark = pytest.mark.parametrize("server", ["s3proxy"], indirect=True)

NONE = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def expiry(seconds):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


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
        asked.append(body.decode() + path)
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


def test_a_profiles_sso_session_through_a_proxy(tool, moto, tmp_path):
    """The portal is HTTPS at port 443 always, as STS is."""
    seen = []

    def answer(method, path, headers, body):
        seen.append((path, headers.get("x-amz-sso_bearer_token")))
        return 200, json.dumps({"roleCredentials": {
            "accessKeyId": "key", "secretAccessKey": "secret", "sessionToken": "t",
            "expiration": int((time.time() + 3600) * 1000)}})

    start = "https://the-start.example/start"
    (tmp_path / "config").write_text(
        f"[default]\nsso_start_url = {start}\nsso_region = us-east-1\n"
        "sso_account_id = 123456789012\nsso_role_name = the-role\n")
    cache = tmp_path / "home/.aws/sso/cache"
    cache.mkdir(parents=True)
    token = {"startUrl": start, "region": "us-east-1", "accessToken": "the-token",
             "expiresAt": expiry(3600)}
    (cache / f"{hashlib.sha1(start.encode()).hexdigest()}.json").write_text(json.dumps(token))
    authority = tls.Authority(tmp_path)
    with http_server(answer) as plain, \
            authority.terminator(plain, "portal.sso.us-east-1.amazonaws.com") as secure, \
            tls.ConnectProxy(secure) as proxy:
        # S3Proxy knows no session tokens.
        done = tool("ls", "s3://no-such-bucket/", ok=False, env={
            **NONE, "S3_ENDPOINT_URL": moto.url, "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "HTTPS_PROXY": proxy.url, "AWS_CA_BUNDLE": str(authority.certificate)})
    assert "NoSuchBucket" in done.stderr.decode()
    assert "credentials: profile's SSO session" in done.stderr.decode()
    assert proxy.asked == ["portal.sso.us-east-1.amazonaws.com:443"]
    path, bearer = seen[0]
    assert "account_id=123456789012" in path and "role_name=the-role" in path
    assert bearer == "the-token"


@pytest.fixture
def black_hole():
    """A metadata service that takes connections and says nothing; `asked` is set by the first."""
    asked, end = threading.Event(), threading.Event()

    def answer(*_):
        asked.set()
        end.wait(60)
        return 500, ""

    with http_server(answer) as port:
        yield f"http://127.0.0.1:{port}", asked
        end.set()


def ends_within_a_second(running):
    running.send_signal(signal.SIGTERM)
    sent = time.monotonic()
    try:
        running.wait(timeout=30)
    except BaseException:
        running.kill()
        raise
    took = time.monotonic() - sent
    assert running.returncode == 1
    assert took < 2, took  # a second of ours, and what a busy machine adds


@pytest.mark.parametrize("wanted", ["region", "credentials"])
def test_cancellation_while_the_metadata_service_is_asked(tool, black_hole, wanted):
    url, asked = black_hole
    missing = {"region": {"AWS_REGION": None, "S3_ENDPOINT_URL": None}, "credentials": NONE}
    running = tool("ls", "s3://bucket/", start=True, env={
        **missing[wanted], "AWS_EC2_METADATA_DISABLED": None,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": url})
    assert asked.wait(30)
    ends_within_a_second(running)
    assert b"cancelled" in running.stderr.read()


def hanging_process(tmp_path):
    """A credential_process that says that it runs, and waits for ever."""
    os.mkfifo(tmp_path / "began")
    os.mkfifo(tmp_path / "end")  # nobody will
    (tmp_path / "config").write_text(
        f"[default]\ncredential_process = sh -c ': > {tmp_path}/began; : < {tmp_path}/end'\n")
    return {**NONE, "AWS_CONFIG_FILE": str(tmp_path / "config")}


def test_cancellation_while_a_credential_process_runs(tool, tmp_path):
    running = tool("ls", "s3://bucket/", start=True, env=hanging_process(tmp_path))
    with open(tmp_path / "began"):
        ends_within_a_second(running)
    # The end of it comes only when the program is gone, too.
    assert b"cancelled" in running.stderr.read()


def test_a_credential_process_has_a_limit(tool, tmp_path):
    env = {**hanging_process(tmp_path), "BERTH_TEST_CREDENTIALS_MS": "500"}
    running = tool("ls", "s3://bucket/", start=True, env=env)
    with open(tmp_path / "began"):
        running.wait(timeout=30)
    assert b"profile's credential_process: no answer in time" in running.stderr.read()


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


def test_a_profile_that_does_not_exist_is_named(tool, bucket):
    done = tool("ls", f"s3://{bucket}/", ok=False,
                env={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_PROFILE": "nix"})
    assert ('no AWS credentials (profile: "nix" is neither in ~/.aws/config nor in '
            "~/.aws/credentials") in done.stderr.decode()


def test_an_sso_session_that_is_over_says_how_to_log_in(tool, bucket, tmp_path):
    config = tmp_path / "home/.aws/config"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        "[profile team]\nsso_start_url = https://team.awsapps.com/start\nsso_region = us-east-1\n"
        "sso_account_id = 123456789012\nsso_role_name = the-role\n")
    done = tool("ls", f"s3://{bucket}/", ok=False,
                env={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None,
                     "AWS_PROFILE": "team", "HOME": str(tmp_path / "home")})
    said = done.stderr.decode()
    assert 'log in with "aws sso login --profile team"' in said
