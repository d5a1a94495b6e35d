"""What is uploaded is one state of a file, even while somebody writes it."""

import itertools
import os
import re
import threading

import pytest

pytestmark = [pytest.mark.usefixtures("no_leftovers"),
              pytest.mark.parametrize("server", ["moto"], indirect=True)]


@pytest.mark.parametrize("size", [300_000, 11 << 20])
def test_a_file_that_is_rewritten_is_uploaded_in_one_state(tool, boto, bucket, tmp_path, size):
    path = tmp_path / "in"
    path.write_bytes(b"\0" * size)
    stop = threading.Event()

    def rewrite():
        letter = 0
        with open(path, "r+b", buffering=0) as file:
            while not stop.is_set():
                letter = (letter + 1) % 256
                file.seek(0)
                for _ in range(0, size, 65536):
                    file.write(bytes([letter]) * min(65536, size - file.tell()))
                stop.wait(0.2)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for _ in range(5):
            done = tool("put", path, f"s3://{bucket}/k")
            if done.returncode:
                assert "keeps changing while it is uploaded" in done.stderr.decode()
                continue
            content = boto.get_object(Bucket=bucket, Key="k")["Body"].read()
            assert len(content) == size and len(set(content)) == 1
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("size, count", [(300_000, 60), (7 << 20, 8)])
def test_rewriting_within_a_tick_of_the_files_clock_is_seen(tool, boto, bucket, tmp_path, size,
                                                             count):
    """The size stays, and often the times: they are of a clock that ticks every few milliseconds."""
    path = tmp_path / "in"
    path.write_bytes(b"\0" * size)
    states = [bytes([letter]) * size for letter in range(8)]
    stop = threading.Event()

    def rewrite():
        with open(path, "r+b", buffering=0) as file:
            for number in itertools.count():
                os.pwrite(file.fileno(), states[number % 8], 0)
                if number % 5 == 0 and stop.wait(0.05):
                    return

    writer = threading.Thread(target=rewrite)
    writer.start()
    right = 0
    try:
        (tmp_path / "lines").write_text("".join(
            f"put {path} s3://{bucket}/k{number}\n" for number in range(count)))
        results = tool("batch", tmp_path / "lines", ok=True).stdout.decode().splitlines()
    finally:
        stop.set()
        writer.join()
    for number, result in enumerate(results):
        if not result.startswith("ok"):
            assert "keeps changing while it is uploaded" in result
            continue
        right += 1
        content = boto.get_object(Bucket=bucket, Key=f"k{number}")["Body"].read()
        assert content in states, number
    assert len(results) == count and (right > 0 or size > 1 << 20)


def test_an_object_that_is_replaced_while_it_downloads_arrives_in_one_state(tool, boto, bucket,
                                                                           tmp_path):
    size = 17 << 20
    boto.put_object(Bucket=bucket, Key="k", Body=b"\1" * size)
    stop = threading.Event()

    def replace():
        letter = 1
        while not stop.wait(0.3):
            letter = letter % 200 + 1
            boto.put_object(Bucket=bucket, Key="k", Body=bytes([letter]) * size)

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        for number in range(5):
            done = tool("get", f"s3://{bucket}/k", tmp_path / str(number))
            if done.returncode:
                # moto is not always in step with itself: then the checksum tells.
                assert re.search("keeps changing while it is downloaded|does not match the "
                                 "object's checksum", done.stderr.decode()), done.stderr
                continue
            content = (tmp_path / str(number)).read_bytes()
            assert len(content) == size and len(set(content)) == 1
    finally:
        stop.set()
        writer.join()
