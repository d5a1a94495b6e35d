"""Through a proxy that breaks connections: every file is right or there is a clear error."""

import hashlib
import os
import random
import re
import signal
import subprocess
import time

import pytest

import servers

MIB = 1 << 20
FAST = {"BERTH_TEST_STALL_S": "1", "BERTH_TEST_BACKOFF_MS": "20",
        "BERTH_TEST_BACKOFF_LIMIT_MS": "200", "BERTH_TEST_ATTEMPTS": "20",
        "BERTH_TEST_RETRY_LIMIT_MS": "20000"}
# No try begins after the last of these; it may stall, and the machine may be busy.
DEADLINE_MS = 30_000

pytestmark = [pytest.mark.usefixtures("no_leftovers"),
              pytest.mark.parametrize("server", ["s3proxy"], indirect=True)]


def sometimes(share, *faults):
    """A share of the connections gets a fault. All end after a few answers: a client keeps a good
    connection, and would never meet a bad one. So a request meets a fault with probability
    `share` at most, whatever came before it."""
    return lambda random: {"answers": random.randrange(1, 5),
                           **(random.choice(faults)(random) if random.random() < share else {})}


def somewhere(random, limit):
    """In the first bytes, in the first kilobyte, or anywhere: transfers are of all sizes."""
    return random.randrange(random.choice([2, 1000, limit]))


RESET = lambda random: {"reset_after": somewhere(random, 3 * MIB)}  # noqa: E731
CUT = lambda random: {"cut_after": somewhere(random, 3 * MIB)}  # noqa: E731
STALL = lambda random: {"stall_after": somewhere(random, 2 * MIB)}  # noqa: E731
CORRUPT = lambda random: {"corrupt_at": somewhere(random, 200_000)}  # noqa: E731
CORRUPT_UP = lambda random: {"corrupt_request_at": somewhere(random, 200_000)}  # noqa: E731
CORRUPT_HEAD = lambda random: {"corrupt_head_at": somewhere(random, 2000)}  # noqa: E731
STORM = lambda random: {"answer": random.choice([  # noqa: E731
    (500, "InternalError"), (503, "SlowDown"), (503, "ServiceUnavailable"), (429, "TooMany"),
    (502, ""), (504, "")])}

# How many transfers, which share of the connections gets a fault, and which: 500 in all.
#
# Twenty tries in a row at a share of 0.4 all fail once in 10^8 requests, so none may. Bytes that
# arrive changed are seen when an object is whole: up to four requests are tried again together,
# at a share of 0.2 all twenty times once in 10^4 objects of several pieces, of which there are a few.
KINDS = {"resets": (80, 0.4, RESET), "cuts": (80, 0.4, CUT), "storms": (80, 0.4, STORM),
         "corruption": (70, 0.2, CORRUPT), "corrupt uploads": (70, 0.4, CORRUPT_UP),
         "corrupt heads": (40, 0.2, CORRUPT_HEAD), "stalls": (30, 0.15, STALL),
         "everything": (50, 0.3, RESET, CUT, STORM, CORRUPT, CORRUPT_UP)}


def transfers(tool, proxy, boto, bucket, tmp_path, count, seed):
    """Gets and puts of many sizes, one client, eight at once. Returns the errors; everything else
    arrived as it was."""
    chance = random.Random(seed)
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "out").mkdir(exist_ok=True)
    lines, expected = [], {}
    for number in range(count):
        size = chance.choice([0, 1, 1000, 70_000, 300_000, MIB])
        content = chance.randbytes(6 * MIB if number % 20 < 2 else size)
        expected[number] = hashlib.sha256(content).digest()
        if number % 2:
            boto.put_object(Bucket=bucket, Key=f"g{number}", Body=content)
            lines.append(f"get s3://{bucket}/g{number} {tmp_path}/out/{number}")
        else:
            (tmp_path / "in" / str(number)).write_bytes(content)
            lines.append(f"put {tmp_path}/in/{number} s3://{bucket}/p{number}")
    (tmp_path / "lines").write_text("\n".join(lines) + "\n")
    done = tool("batch", tmp_path / "lines", 8, ok=True, timeout=400,
                env={**proxy.environment, **FAST})
    results = done.stdout.decode().splitlines()
    assert len(results) == count, done.stderr.decode()[-2000:]
    failures = []
    for number, line in enumerate(results):
        took, result = line.split(" ", 1)
        assert int(took) < DEADLINE_MS, line
        if result.startswith("ok"):
            if number % 2:
                content = (tmp_path / "out" / str(number)).read_bytes()
            else:
                content = boto.get_object(Bucket=bucket, Key=f"p{number}")["Body"].read()
            assert hashlib.sha256(content).digest() == expected[number], lines[number]
        else:
            assert re.match(rf"failed cannot (get|put) s3://{bucket}/[gp]{number}[: ]", result)
            assert not (tmp_path / "out" / str(number)).exists()
            failures.append(line)
    return failures


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_right_or_the_error_is_clear(tool, server, boto, bucket, tmp_path, kind):
    count, share, *faults = KINDS[kind]
    with servers.FaultProxy(server, sometimes(share, *faults), seed=len(kind)) as proxy:
        failures = transfers(tool, proxy, boto, bucket, tmp_path, count, seed=len(kind))
        assert proxy.struck >= count * share / 8
    # Without TLS a changed head is another request or another answer: a refusal is right then.
    if kind != "corrupt heads":
        assert not failures
    # An upload that failed was taken back. One may stay of which S3's answer got lost, so that
    # nobody knew its name; it has no parts.
    for upload in boto.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        parts = boto.list_parts(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        assert not parts.get("Parts"), upload["Key"]


def test_a_server_that_stays_broken_is_given_up_with_a_clear_error(tool, server, boto, bucket,
                                                                   tmp_path):
    boto.put_object(Bucket=bucket, Key="k", Body=b"x" * MIB)
    with servers.FaultProxy(server, lambda _: {"answer": (503, "SlowDown")}) as proxy:
        done = tool("get", f"s3://{bucket}/k", tmp_path / "o", ok=False,
                    env={**proxy.environment, **FAST, "BERTH_TEST_ATTEMPTS": "4"})
    assert "after 4 attempts: 503" in done.stderr.decode()
    assert "S3 is throttling" in done.stderr.decode()


def test_an_object_that_always_arrives_damaged_is_an_error(tool, server, boto, bucket, tmp_path):
    for size in (100_000, 12 * MIB):
        boto.put_object(Bucket=bucket, Key="k", Body=b"x" * size)
        with servers.FaultProxy(server, lambda _: {"corrupt_every": 50_000}) as proxy:
            env = {**proxy.environment, **FAST, "BERTH_TEST_ATTEMPTS": "3",
                   "BERTH_TEST_CONNECTIONS": "1"}
            done = tool("get", f"s3://{bucket}/k", tmp_path / "o", ok=False, env=env)
            assert "checksum" in done.stderr.decode()
            done = tool("cat", f"s3://{bucket}/k", ok=False, env=env)
            assert "checksum" in done.stderr.decode()
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("verb", ["get", "put", "down", "cat"])
def test_cancellation_ends_it_within_a_second_and_leaves_nothing(tool, server, boto, bucket,
                                                                 tmp_path, verb):
    boto.put_object(Bucket=bucket, Key="d/k", Body=os.urandom(12 * MIB))
    (tmp_path / "in").write_bytes(os.urandom(12 * MIB))
    words = {"get": ["get", f"s3://{bucket}/d/k", tmp_path / "o"],
             "put": ["put", tmp_path / "in", f"s3://{bucket}/new"],
             "down": ["down", f"s3://{bucket}/d", tmp_path / "t"],
             "cat": ["cat", f"s3://{bucket}/d/k"]}[verb]
    # Every answer stalls after its first bytes, so that it is in the middle when the signal comes.
    with servers.FaultProxy(server, lambda _: {"stall_after": 700 if verb == "put" else 3000}) \
            as proxy:
        running = tool(*words, start=True,
                       env={**proxy.environment, "BERTH_TEST_STALL_S": "60"})
        proxy.wait_for(struck=1)
        running.send_signal(signal.SIGTERM)
        sent = time.monotonic()
        try:
            _, error = running.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            running.kill()
            raise
        took = time.monotonic() - sent
    assert running.returncode == 1 and b"cancelled" in error, error
    assert took < 3, took  # a second of ours, and what a busy machine adds
    assert not (tmp_path / "o").exists()


def test_a_stall_is_given_up_after_its_limit(tool, server, boto, bucket, tmp_path):
    boto.put_object(Bucket=bucket, Key="k", Body=b"x" * MIB)
    with servers.FaultProxy(server, lambda _: {"stall_after": 3000}) as proxy:
        began = time.monotonic()
        done = tool("get", f"s3://{bucket}/k", tmp_path / "o", ok=False,
                    env={**proxy.environment, **FAST, "BERTH_TEST_ATTEMPTS": "2"})
        assert time.monotonic() - began < DEADLINE_MS / 1000
    assert f"cannot get s3://{bucket}/k after 2 attempts" in done.stderr.decode()
