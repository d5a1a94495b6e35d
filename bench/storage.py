#!/usr/bin/env python3
"""Berth's S3 client against boto3's transfer manager, same server, same machine, one run.

    build/venv/bin/python bench/storage.py [--large MIB] [--small COUNT]

Needs what tests/e2e/storage needs. Prints one line for each workload: both times, both rates, the
ratio, and the peak of resident memory of each process.
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/e2e/storage"))

import servers  # noqa: E402

TOOL = os.environ.get("BERTH_STORAGE_TOOL", str(ROOT / "build/bin/berth_storage_tool"))
BOTO = """
import os, sys, pathlib, concurrent.futures, boto3
from botocore.config import Config
verb, one, two = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=os.environ["S3_ENDPOINT_URL"], config=Config(
    max_pool_connections=16, s3={"addressing_style": "path"},
    request_checksum_calculation="when_required", response_checksum_validation="when_required"))
split = lambda uri: uri[5:].split("/", 1)
if verb == "get": s3.download_file(*split(one), two)
elif verb == "put": s3.upload_file(one, *split(two))
else:
    from s3transfer.manager import TransferConfig, TransferManager
    config = TransferConfig(max_request_concurrency=16, max_submission_concurrency=16)
    with TransferManager(s3, config) as manager:
        if verb == "up":
            bucket, prefix = split(two)
            futures = [manager.upload(str(path), bucket, f"{prefix}/{path.name}")
                       for path in pathlib.Path(one).iterdir()]
        else:
            bucket, prefix = split(one)
            os.makedirs(two)
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix + "/")
            futures = [manager.download(bucket, each["Key"], os.path.join(two, each["Key"].rsplit("/", 1)[1]))
                       for page in pages for each in page["Contents"]]
        for future in futures: future.result()
"""


def measure(command, environment):
    """Seconds, and the peak of resident memory in MiB. The kernel's ru_maxrss would count this
    process's own pages, which a child has until exec."""
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        with contextlib.suppress(OSError), open(f"/proc/{process.pid}/status") as status:
            peak = max([peak, *(int(line.split()[1]) for line in status if "VmHWM" in line)])
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.01)
    if process.returncode:
        sys.exit(f"{command[:2]} failed")
    return time.monotonic() - began, peak / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--large", type=int, default=1024, help="MiB")
    parser.add_argument("--small", type=int, default=2000, help="files of 64 KiB")
    parser.add_argument("--server", choices=("s3proxy", "moto"), default="s3proxy")
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="bench-storage-"))
    try:
        with (servers.s3proxy(work / "server") if options.server == "s3proxy"
              else servers.moto()) as server:
            run(server, work, options)
    finally:
        shutil.rmtree(work)


def run(server, work, options):
    import boto3
    environment = {**servers.clean_environment(work), **server.environment}
    boto3.client("s3", endpoint_url=server.url, region_name="us-east-1",
                 aws_access_key_id=server.key, aws_secret_access_key=server.secret,
                 ).create_bucket(Bucket="bench")
    large = work / "large"
    block = os.urandom(1 << 20)
    with open(large, "wb") as file:
        for number in range(options.large):
            file.write(number.to_bytes(8, "big") + block[8:])
    small = work / "small"
    small.mkdir()
    for number in range(options.small):
        (small / f"{number:05d}").write_bytes(os.urandom(8) + block[:65528])

    total = {"large": options.large, "small": options.small / 16}
    print(f"{'':12}{'berth':>26}{'boto3':>28}{'ratio':>8}")
    for name, verb, words in (
            ("large", "put", lambda who: [large, f"s3://bench/{who}-large"]),
            ("large", "get", lambda who: [f"s3://bench/{who}-large", work / f"{who}-large"]),
            ("small", "up", lambda who: [small, f"s3://bench/{who}-small"]),
            ("small", "down", lambda who: [f"s3://bench/{who}-small", work / f"{who}-small"])):
        ours, our_rss = measure([TOOL, verb, *map(str, words("berth"))], environment)
        theirs, their_rss = measure([sys.executable, "-c", BOTO, verb, *map(str, words("boto3"))],
                                    environment)
        print(f"{name + ' ' + verb:12}"
              f"{ours:7.2f} s{total[name] / ours:7.0f} MiB/s{our_rss:5.0f} MiB"
              f"{theirs:9.2f} s{total[name] / theirs:7.0f} MiB/s{their_rss:5.0f} MiB"
              f"{theirs / ours:7.2f}x", flush=True)


if __name__ == "__main__":
    main()
