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
FAST = {"BERTH_TEST_STALL_S": "2", "BERTH_TEST_BACKOFF_MS": "20",
        "BERTH_TEST_BACKOFF_LIMIT_MS": "200", "BERTH_TEST_ATTEMPTS": "12"}

pytestmark = [pytest.mark.usefixtures("no_leftovers"),
              pytest.mark.parametrize("server", ["s3proxy"], indirect=True)]


def sometimes(share, *faults):
    """A share of the connections gets a fault. The others end some time, too: a client keeps a
    good connection, and would never meet a bad one."""
    return lambda random: (random.choice(faults)(random) if random.random() < share else
                           {"cut_after": random.randrange(3 * MIB, 8 * MIB)})


RESET = lambda random: {"reset_after": random.randrange(3 * MIB)}  # noqa: E731
CUT = lambda random: {"cut_after": random.randrange(3 * MIB)}  # noqa: E731
STALL = lambda random: {"stall_after": random.randrange(2 * MIB)}  # noqa: E731
CORRUPT = lambda random: {"corrupt_at": 1000 + random.randrange(200_000)}  # noqa: E731
CORRUPT_UP = lambda random: {"corrupt_request_at": 2000 + random.randrange(200_000)}  # noqa: E731
STORM = lambda random: {"answer": random.choice([  # noqa: E731
    (500, "InternalError"), (503, "SlowDown"), (503, "ServiceUnavailable"), (429, "TooMany"),
    (502, ""), (504, "")])}

KINDS = {"resets": (RESET,), "cuts": (CUT,), "storms": (STORM,), "corruption": (CORRUPT,),
         "corrupt uploads": (CORRUPT_UP,), "stalls": (STALL,),
         "everything": (RESET, CUT, STORM, CORRUPT, CORRUPT_UP)}


def transfers(tool, proxy, boto, bucket, tmp_path, count, seed):
    """Gets and puts of many sizes, one client; returns (right, failures)."""
    chance = random.Random(seed)
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "out").mkdir(exist_ok=True)
    lines, expected = [], {}
    for number in range(count):
        size = chance.choice([0, 1, 1000, 70_000, 300_000, MIB, 6 * MIB if number % 10 == 0 else 5])
        content = chance.randbytes(size)
        expected[number] = hashlib.sha256(content).digest()
        if number % 2:
            boto.put_object(Bucket=bucket, Key=f"g{number}", Body=content)
            lines.append(f"get s3://{bucket}/g{number} {tmp_path}/out/{number}")
        else:
            (tmp_path / "in" / str(number)).write_bytes(content)
            lines.append(f"put {tmp_path}/in/{number} s3://{bucket}/p{number}")
    (tmp_path / "lines").write_text("\n".join(lines) + "\n")
    done = tool("batch", tmp_path / "lines", ok=True, timeout=400,
                env={**proxy.environment, **FAST})
    results = done.stdout.decode().splitlines()
    assert len(results) == count, done.stderr.decode()[-2000:]
    right, failures = 0, []
    for number, result in enumerate(results):
        if result.startswith("ok"):
            if number % 2:
                content = (tmp_path / "out" / str(number)).read_bytes()
            else:
                content = boto.get_object(Bucket=bucket, Key=f"p{number}")["Body"].read()
            assert hashlib.sha256(content).digest() == expected[number], lines[number]
            right += 1
        else:
            assert re.match(rf"failed cannot (get|put) s3://{bucket}/[gp]{number}[: ]", result)
            assert not (tmp_path / "out" / str(number)).exists()
            failures.append(result)
    return right, failures


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_right_or_the_error_is_clear(tool, server, boto, bucket, tmp_path, kind):
    count = 12 if kind == "stalls" else 60
    share = 0.15 if kind == "stalls" else 0.4
    with servers.FaultProxy(server, sometimes(share, *KINDS[kind]), seed=len(kind)) as proxy:
        right, failures = transfers(tool, proxy, boto, bucket, tmp_path, count, seed=len(kind))
        assert proxy.faults > 1
    # Faults that pass are survived: at most a few files run out of attempts.
    assert right >= count * 0.9, failures
    uploads = boto.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    assert len(uploads) <= 1


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
        until = time.monotonic() + 30
        while proxy.requests == 0 and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.3)
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
        assert time.monotonic() - began < 40
    assert f"cannot get s3://{bucket}/k after 2 attempts" in done.stderr.decode()
