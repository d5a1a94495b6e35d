"""No process that moves data holds more than 64 MiB, however much it moves."""

import io
import os
import pathlib
import threading

import pytest

LIMIT = 64 << 10  # KiB
MIB = 1 << 20


def peak_of(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    parent = int(next(line.split()[1] for line in status if line.startswith("PPid:")))
    peak = next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), 0)
    return parent, peak


class Peak:
    """The most that berth, or a process it forked itself, has held so far, in KiB."""

    def __init__(self, process):
        self.process, self.peak, self.ended = process, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.ended.wait(0.01):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    parent, peak = peak_of(pid)
                except (OSError, StopIteration):
                    continue  # it has just ended
                if self.process.pid in (int(pid), parent):
                    self.peak = max(self.peak, peak)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def peak_and_end(job):
    with Peak(job.process) as peak:
        code, _, err = job.end()
    assert code == 0, err
    print(f"{peak.peak / 1024:.1f} MiB")
    return peak.peak


@pytest.fixture(autouse=True)
def no_sanitizer(berth):
    if b"__asan_init" in pathlib.Path(berth).read_bytes():
        pytest.skip("a sanitizer has memory of its own")


@pytest.mark.parametrize("server", ["s3proxy"], indirect=True)
def test_of_a_fast_file_channel(s3job, make_channel, bucket):
    # In parts: the server takes no body of that size.
    bucket.boto.upload_fileobj(io.BytesIO(bytes(200 * MIB)), bucket.name, "d/a")
    request = s3job.request(InputDataConfig=[make_channel("train", bucket.uri("d/"), "FastFile")])
    job = s3job.start(request, *s3job.code("cat ${SAGEMAKER_BASE_DIR:-/opt/ml}/input/data/train/a > /dev/null"))
    assert 0 < peak_and_end(job) < LIMIT


@pytest.mark.parametrize("server", ["s3proxy"], indirect=True)
def test_of_the_upload_of_checkpoints(s3job, bucket):
    request = s3job.request(CheckpointConfig={"S3Uri": bucket.uri("c")})
    job = s3job.start(
        request,
        *s3job.code(
            "cd ${SAGEMAKER_BASE_DIR:-/opt/ml}/checkpoints\n"
            "for i in 1 2 3 4 5 6; do head -c 60000000 /dev/zero > $i; done"
        ),
    )
    assert 0 < peak_and_end(job) < LIMIT


@pytest.mark.parametrize("server", ["s3proxy"], indirect=True)
def test_of_the_upload_of_a_plain_model(s3job, bucket):
    request = s3job.request(
        OutputDataConfig={"S3OutputPath": bucket.uri("out"), "CompressionType": "NONE"}
    )
    job = s3job.start(request, *s3job.code('head -c 200000000 /dev/zero > "$SM_MODEL_DIR/w"'))
    assert 0 < peak_and_end(job) < LIMIT
