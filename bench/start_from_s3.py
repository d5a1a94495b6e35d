"""From `train` to the first line of the script, with 50 MB of code in S3.

Berth and sagemaker-training take turns with the same object of the same server on this machine:
S3Proxy (scripts/fetch-s3proxy) and then moto's, which reads the whole object for every range, or
another one given with --endpoint, --key and --secret. Last comes berth with the same archive in a
local file: what is left when there is no download.
"""

import argparse
import contextlib
import io
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

from supervisor import BERTH, REFERENCE, Job, table

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e" / "storage"))


def source(size):
    """A sourcedir.tar.gz of about `size` bytes: a script, a model as big as that, and a package."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        def add(name, content, mode=0o644):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), mode
            tar.addfile(info, io.BytesIO(content))

        add("train.sh", b"#!/bin/sh\necho started\n", 0o755)
        for number in range(500):
            add(f"package/module_{number}.py", f"VALUE = {number}\n".encode() * 100)
        add("weights.bin", os.urandom(size))
    return packed.getvalue()


@contextlib.contextmanager
def server(name, arguments, folder):
    """The variables with which it is reached."""
    if name == "given":
        yield {"S3_ENDPOINT_URL": arguments.endpoint, "AWS_REGION": "us-east-1",
               "AWS_ACCESS_KEY_ID": arguments.key, "AWS_SECRET_ACCESS_KEY": arguments.secret}
        return
    import servers
    with (servers.moto() if name == "moto"
          else servers.s3proxy(pathlib.Path(folder, "s3proxy"))) as endpoint:
        yield endpoint.environment


def first_line(job, argv, variables):
    """Seconds from the start to the script's first byte."""
    code = job.base / "code"
    shutil.rmtree(code)
    code.mkdir()
    start = time.perf_counter()
    with subprocess.Popen(argv, env=job.environment | variables, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        line = process.stdout.readline()
        while line and line.strip() != b"started":
            line = process.stdout.readline()
        seconds = time.perf_counter() - start
        _, error = process.communicate(timeout=300)
    if process.returncode != 0 or not line:
        raise SystemExit(f"{argv} failed: {error.decode()[-2000:]}")
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=50, help="megabytes of the archive")
    parser.add_argument("--endpoint")
    parser.add_argument("--key", default="key")
    parser.add_argument("--secret", default="secret")
    arguments = parser.parse_args()
    for name in ["given"] if arguments.endpoint else ["s3proxy", "moto"]:
        compare(name, arguments)


def compare(name_of_server, arguments):
    ways = {"berth train": [BERTH, "train"]}
    if REFERENCE.exists():
        ways["sagemaker-training"] = [str(REFERENCE)]
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as folder, \
            server(name_of_server, arguments, folder) as variables:
        import boto3
        from botocore.config import Config
        s3 = boto3.client("s3", endpoint_url=variables["S3_ENDPOINT_URL"], region_name="us-east-1",
                          aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
                          aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
                          config=Config(request_checksum_calculation="when_required"))
        bucket = f"berth-bench-{os.getpid()}"
        s3.create_bucket(Bucket=bucket)
        packed = source(arguments.size * 1_000_000)
        s3.put_object(Bucket=bucket, Key="sourcedir.tar.gz", Body=packed)
        job = Job(folder, "s3", "#!/bin/sh\n")
        job.hyperparameters(sagemaker_submit_directory=f"s3://{bucket}/sourcedir.tar.gz")
        times = {name: [] for name in ways}
        for _ in range(arguments.rounds + 1):  # the first one warms up
            for name, argv in ways.items():
                times[name].append(first_line(job, argv, variables))
        local = pathlib.Path(folder, "sourcedir.tar.gz")
        local.write_bytes(packed)
        job.hyperparameters(sagemaker_submit_directory=str(local))
        times["berth train, local file"] = [
            first_line(job, ways["berth train"], variables) for _ in range(arguments.rounds + 1)]
        s3.delete_object(Bucket=bucket, Key="sourcedir.tar.gz")
        s3.delete_bucket(Bucket=bucket)

    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    best = medians["berth train"]
    table(f"train → first line of the script, {len(packed) / 1e6:.0f} MB of code in S3 "
          f"({name_of_server}, {arguments.rounds} rounds)", ["", "median s", "best s", "times berth"],
          [[name, f"{medians[name]:.3f}", f"{min(times[name][1:]):.3f}",
            f"{medians[name] / best:.2f}"] for name in times])


if __name__ == "__main__":
    main()
