#!/usr/bin/env python3
"""Berth's codecs against what the reference servers do with the same: json, numpy and, for
recordio-protobuf, sagemaker-containers' own code in its own environment.

    build/venv/bin/python bench/codec.py

One line for each workload: both times (the best of several), berth's rate in MB of text or of the
format a second, and the ratio.
"""

import io
import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/conformance"))

from codec_tool import Tool  # noqa: E402

RECORDIO = """
import sys, time
import numpy as np
from sagemaker_containers._encoders import array_to_recordio_protobuf
array = np.frombuffer(sys.stdin.buffer.read()).reshape(-1, 100)
best = 1e9
for _ in range(3):
    began = time.perf_counter()
    array_to_recordio_protobuf(array)
    best = min(best, time.perf_counter() - began)
print(best)
"""


def best(function, repeats):
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


def report(name, size, ours, theirs):
    print(
        f"codec  {name:36} {ours * 1e6:10.2f} us  {theirs * 1e6:12.2f} us  "
        f"{size / ours / 1e6:8.0f} MB/s  {theirs / ours:7.1f}x",
        flush=True,
    )


def saved(function, *arguments, **options):
    file = io.BytesIO() if function is np.save else io.StringIO()
    function(file, *arguments, **options)
    return file.getvalue()


def recordio(array):
    python = ROOT / "build/venv-sagemaker-containers/bin/python"
    environment = os.environ | {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
    done = subprocess.run([python, "-c", RECORDIO], input=array.tobytes(), stdout=subprocess.PIPE, env=environment, check=True)
    return float(done.stdout)


def main():
    random = np.random.default_rng(1)
    tool = Tool()

    def measure(name, operation, argument, reference, repeats, slow=5):
        error, arrays, text, nanoseconds = tool.run(operation, argument, repeats=repeats)
        assert error == 0, text
        size = len(argument) if isinstance(argument, bytes) else len(text)
        report(name, size, nanoseconds / 1e9, best(reference, slow))

    full = random.random((1250, 40))
    rounded = np.round(full * 10, 3)
    integers = random.integers(-1000, 1000, (1250, 100))
    small = "[1.0, 2.0, 3.0, 4.0]"

    def decode_json(name, text, repeats=50, slow=5):
        measure(f"json decode, {name}", "decode_json", text.encode(), lambda: np.array(json.loads(text)), repeats, slow)

    decode_json("4 numbers", small, 10_000, 10_000)
    decode_json("1 MB of 0.123", json.dumps(rounded.repeat(3, 0).tolist()))
    decode_json("1 MB of full doubles", json.dumps(full.tolist()))
    decode_json("integers", json.dumps(integers.tolist()))

    def encode_json(name, array, repeats=50, slow=5):
        measure(f"json encode, {name}", "encode_json", array, lambda: json.dumps(array.tolist()), repeats, slow)

    encode_json("4 numbers", np.array([1.0, 2.0, 3.0, 4.0]), 10_000, 10_000)
    encode_json("1 MB of 0.123", rounded.repeat(3, 0))
    encode_json("1 MB of full doubles", full)
    encode_json("float32", full.astype("f4"))
    encode_json("integers", integers)

    for name, array in [("0.123", rounded), ("full doubles", full), ("integers", integers)]:
        text = saved(np.savetxt, array, delimiter=",", fmt="%s")
        measure(
            f"csv decode, {name}",
            "decode_csv",
            text.encode(),
            lambda text=text: np.genfromtxt(io.StringIO(text), dtype=None, delimiter=","),
            50,
            2,
        )
        measure(
            f"csv encode, {name}",
            "encode_csv",
            array,
            lambda array=array: np.savetxt(io.StringIO(), array, delimiter=",", fmt="%s"),
            50,
            2,
        )

    row = full[:1, :13]
    text = saved(np.save, row)
    measure("npy decode, 13 numbers", "decode_npy", text, lambda: np.load(io.BytesIO(text)), 10_000, 1000)
    measure("npy encode, 13 numbers", "encode_npy", row, lambda: saved(np.save, row), 10_000, 1000)

    records = random.random((2000, 100))
    error, _, text, nanoseconds = tool.run("recordio", records, repeats=20)
    assert error == 0
    report("recordio encode, 2000 x 100", len(text), nanoseconds / 1e9, recordio(records))
    _, _, _, nanoseconds = tool.run("decode_recordio", text, repeats=20)
    print(f"codec  recordio decode, 2000 x 100 {len(text) / nanoseconds * 1e3:.0f} MB/s")
    tool.close()


if __name__ == "__main__":
    main()
