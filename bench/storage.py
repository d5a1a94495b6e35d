#!/usr/bin/env python3
"""Berth's S3 client against boto3's transfer manager, and against what the server can do.

One large file and many small ones, each way, same server, same machine, one run. The clients take
turns, round after round, in changing order; each figure is the median of its rounds. "boto3" is as
users have it, nothing configured, but that it sends no checksums to S3Proxy, which refuses them
(501; berth does the same by itself). "boto3, tuned" has 16 connections, as berth has, and neither
sends nor compares checksums. "the server" is a client that does nothing but read and write sockets (8 connections, presigned URLs,
sendfile(); what arrives is thrown away): no client is faster. CPU is user and system time of the
client alone; it shares this machine's cores with the server.

Needs what tests/e2e/storage needs.
"""

import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/e2e/storage"))

import servers  # noqa: E402
from supervisor import table  # noqa: E402

TOOL = os.environ.get("BERTH_STORAGE_TOOL", str(ROOT / "build/bin/berth_storage_tool"))
BUCKET = "bench"
MIB = 1 << 20
SMALL = 64 << 10
CONNECTIONS = 8

BOTO = """
import os, sys, pathlib, boto3
from botocore.config import Config
from s3transfer.manager import TransferConfig, TransferManager
tuned, verb, one, two = sys.argv[1:]
if tuned == "tuned":
    s3 = boto3.client("s3", config=Config(
        max_pool_connections=16, request_checksum_calculation="when_required",
        response_checksum_validation="when_required"))
    config = TransferConfig(max_request_concurrency=16, max_submission_concurrency=16)
else:
    s3 = boto3.client("s3", config=Config(request_checksum_calculation=tuned))
    config = TransferConfig()
split = lambda uri: uri[5:].split("/", 1)
if verb == "get": s3.download_file(*split(one), two)
elif verb == "put": s3.upload_file(one, *split(two))
else:
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
    """Seconds, seconds of CPU, and the peak of resident memory in MiB. (The kernel's ru_maxrss
    would count this process's own pages, which a child has until exec.)"""
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    peak = 0
    while True:
        with contextlib.suppress(OSError), open(f"/proc/{process.pid}/status") as status:
            peak = max([peak, *(int(line.split()[1]) for line in status if "VmHWM" in line)])
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.005)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[:2]} failed")
    return seconds, usage.ru_utime + usage.ru_stime, peak / 1024


class Raw:
    """HTTP with as little work as can be: the server's own limit."""

    def __init__(self, server, s3):
        self.s3 = s3
        self.address = urllib.parse.urlsplit(server.url)

    def run(self, count, each):
        """each(connection, index) for every index below `count`, on some connections."""
        indices = iter(range(count))

        def work():
            with socket.create_connection((self.address.hostname, self.address.port)) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for index in indices:
                    each(connection, index)

        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as threads:
            for worker in [threads.submit(work) for _ in range(CONNECTIONS)]:
                worker.result()

    def path(self, operation, **parameters):
        url = urllib.parse.urlsplit(self.s3.generate_presigned_url(
            operation, {"Bucket": BUCKET, **parameters}))
        return f"{url.path}?{url.query}"

    def request(self, connection, method, path, headers="", body=None):
        """The answer's headers; its body goes nowhere. `body` is (file, offset, size)."""
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: {self.address.netloc}\r\n"
                           f"{headers}\r\n".encode())
        if body:
            file, offset, size = body
            while size:
                sent = os.sendfile(connection.fileno(), file.fileno(), offset, size)
                offset, size = offset + sent, size - sent
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(65536)
            if not more:
                sys.exit("the server hung up")
            head += more
        head, _, rest = head.partition(b"\r\n\r\n")
        if head.split()[1][:1] != b"2":
            sys.exit(f"the server refused: {head.decode()}")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        left = int(fields.get(b"content-length", 0)) - len(rest)
        buffer = memoryview(bytearray(MIB)) if left > 0 else None
        while left > 0:
            arrived = connection.recv_into(buffer, min(left, MIB))
            if not arrived:
                sys.exit("the server hung up")
            left -= arrived
        return fields

    def get(self, key, size, piece):
        path = self.path("get_object", Key=key)
        self.run(-(-size // piece), lambda connection, i: self.request(
            connection, "GET", path,
            f"Range: bytes={i * piece}-{min(size, (i + 1) * piece) - 1}\r\n"))

    def put(self, file, key, size, piece):
        upload = self.s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        count = -(-size // piece)
        paths = [self.path("upload_part", Key=key, UploadId=upload, PartNumber=i + 1)
                 for i in range(count)]
        tags = [b""] * count
        with open(file, "rb") as data:
            def part(connection, i):
                length = min(piece, size - i * piece)
                tags[i] = self.request(connection, "PUT", paths[i], f"Content-Length: {length}\r\n",
                                       (data, i * piece, length))[b"etag"]
            self.run(count, part)
        self.s3.complete_multipart_upload(
            Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": [
                {"PartNumber": i + 1, "ETag": tag.decode()} for i, tag in enumerate(tags)]})

    def up(self, folder, prefix):
        files = sorted(folder.iterdir())
        paths = [self.path("put_object", Key=f"{prefix}/{file.name}") for file in files]

        def one(connection, i):
            with open(files[i], "rb") as file:
                self.request(connection, "PUT", paths[i], f"Content-Length: {SMALL}\r\n",
                             (file, 0, SMALL))

        return len(paths), one

    def down(self, names, prefix):
        paths = [self.path("get_object", Key=f"{prefix}/{name}") for name in names]
        return len(paths), lambda connection, i: self.request(connection, "GET", paths[i])


def timed(call, *arguments):
    began = time.monotonic(), time.process_time()
    call(*arguments)
    return time.monotonic() - began[0], time.process_time() - began[1], 0


def make_files(work, options):
    large = work / "large"
    block = os.urandom(MIB)
    with open(large, "wb") as file:
        for number in range(options.large):
            file.write(number.to_bytes(8, "big") + block[8:])
    small = work / "small"
    small.mkdir()
    for number in range(options.small):
        (small / f"{number:05d}").write_bytes(os.urandom(8) + block[:SMALL - 8])
    return large, small


def run(server, work, options):
    import boto3
    from botocore.config import Config
    environment = {**servers.clean_environment(work), **server.environment,
                   "AWS_ENDPOINT_URL_S3": server.url, "AWS_DEFAULT_REGION": "us-east-1"}
    s3 = boto3.client("s3", endpoint_url=server.url, region_name="us-east-1",
                      aws_access_key_id=server.key, aws_secret_access_key=server.secret,
                      config=Config(signature_version="s3v4", s3={"addressing_style": "path"},
                                    request_checksum_calculation="when_required"))
    s3.create_bucket(Bucket=BUCKET)
    large, small = make_files(work, options)
    names = sorted(file.name for file in small.iterdir())
    raw = Raw(server, s3)
    size = options.large * MIB
    print(f"\n{__doc__.strip()}")
    boto = [sys.executable, "-c", BOTO]
    checksums = "when_required" if server.name == "s3proxy" else "when_supported"
    clients = {"berth": [TOOL], "boto3": [*boto, checksums], "boto3, tuned": [*boto, "tuned"]}
    target = work / "arrived"

    def client(name, verb):
        key = name.replace(", ", "-")
        words = {"put": [large, f"s3://{BUCKET}/{key}-large"],
                 "get": [f"s3://{BUCKET}/{key}-large", target],
                 "up": [small, f"s3://{BUCKET}/{key}-small"],
                 "down": [f"s3://{BUCKET}/{key}-small", target]}[verb]
        return measure([*clients[name], verb, *map(str, words)], environment)

    def limit(verb):
        if verb == "put":
            return timed(raw.put, large, "berth-large", size, 8 * MIB)
        if verb == "get":
            return timed(raw.get, "berth-large", size, 8 * MIB)
        # Addresses are signed beforehand.
        return timed(raw.run, *(raw.up(small, "berth-small") if verb == "up"
                                else raw.down(names, "berth-small")))

    sizes = {"put": options.large, "get": options.large,
             "up": options.small / 16, "down": options.small / 16}
    for verb, title in (("put", f"{options.large} MiB put"), ("get", f"{options.large} MiB get"),
                        ("up", f"{options.small} files of 64 KiB put"),
                        ("down", f"{options.small} files of 64 KiB get")):
        ways = {name: lambda name=name: client(name, verb) for name in clients}
        ways["the server"] = lambda: limit(verb)
        runs = {name: [] for name in ways}
        for number in range(options.rounds + 1):  # the first one warms up
            # The server's own reads what berth has put there.
            order = list(ways) if number % 2 == 0 else list(reversed(ways))
            for name in order:
                runs[name].append(ways[name]())
                if target.is_dir():
                    shutil.rmtree(target)
                target.unlink(missing_ok=True)
        medians = {name: statistics.median(each[0] for each in values[1:])
                   for name, values in runs.items()}
        rows = []
        for name, values in runs.items():
            seconds = medians[name]
            cpu = statistics.median(each[1] for each in values[1:])
            peak = max(each[2] for each in values)
            rows.append([name, f"{seconds:.2f}", f"{sizes[verb] / seconds:.0f}",
                         f"{min(each[0] for each in values[1:]):.2f}", f"{cpu:.2f}",
                         f"{peak:.0f}" if peak else "", f"{seconds / medians['berth']:.2f}"])
        table(f"{title}, {server.name}, {options.rounds} rounds",
              ["", "median s", "MiB/s", "best s", "CPU s", "peak MiB", "times berth"], rows)
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", type=int, default=1024, help="MiB")
    parser.add_argument("--small", type=int, default=2000, help="files of 64 KiB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--server", choices=("s3proxy", "moto"), default="s3proxy")
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="bench-storage-"))
    try:
        with (servers.s3proxy(work / "server") if options.server == "s3proxy"
              else servers.moto()) as server:
            run(server, work, options)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
