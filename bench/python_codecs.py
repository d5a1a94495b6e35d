#!/usr/bin/env python3
"""The Python packages' encoders and decoders against the originals' own, each in the original's
environment, with the same NumPy: only what is imported differs.

    build/venv/bin/python bench/python_codecs.py

One line for each workload: both rates (the best of several runs) in MB of text or of the format a
second, and the ratio; and the time to import each package.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS = os.pathsep.join([str(ROOT / "build/python"), str(ROOT / "python/compat")])
BASE = tempfile.TemporaryDirectory()

# Package -> workload -> how it is called. `data` is what the workload's name begins with.
INFERENCE = {
    "csv decode": "decoder.decode(data, 'text/csv')",
    "csv encode": "encoder.encode(data, 'text/csv')",
    "json decode": "decoder.decode(data, 'application/json')",
    "json decode 17 digits": "decoder.decode(data, 'application/json')",
    "json encode": "encoder.encode(data, 'application/json')",
    "npy decode": "decoder.decode(data, 'application/x-npy')",
    "npy encode": "encoder.encode(data, 'application/x-npy')",
}
CONTAINERS = {
    "csv decode": "encoders.decode(data, 'text/csv')",
    "csv encode": "encoders.encode(data, 'text/csv')",
    "recordio encode": "encoders.array_to_recordio_protobuf(data)",
}
PACKAGES = {
    "sagemaker_inference": ("from sagemaker_inference import decoder, encoder", INFERENCE),
    "sagemaker_containers": ("from sagemaker_containers.beta.framework import encoders", CONTAINERS),
    "sagemaker_training": ("from sagemaker_training import encoders", CONTAINERS),
}
IMPORTS = ["sagemaker_training.environment", "sagemaker_containers.beta.framework", "sagemaker_inference.transformer"]

# sagemaker-containers was written for older Pythons, where this was its name.
OLD_NAME = "import collections, collections.abc; collections.Mapping = collections.abc.Mapping"
DRIVER = """
import io, json, sys, time
import numpy as np
{imports}

full = np.random.default_rng(1).random((2500, 40))
array = full.round(6)
text = io.StringIO()
np.savetxt(text, array, delimiter=",", fmt="%s")
file = io.BytesIO()
np.save(file, array)
INPUTS = {{
    "csv decode": text.getvalue(),
    "json decode": json.dumps(array.tolist()),
    "json decode 17 digits": json.dumps(full.tolist()),
    "npy decode": file.getvalue(),
}}

def best(call):
    times = []
    size = 0
    end = time.perf_counter() + 1
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 500):
        began = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - began)
        size = len(result)
        del result  # as between two requests
    return min(times), size

rates = {{}}
for name, expression in {workloads!r}.items():
    data = INPUTS.get(name, array)
    seconds, size = best(eval("lambda: " + expression, globals()))
    size = len(data) if name in INPUTS else size
    rates[name] = size / seconds / 1e6
print(json.dumps(rates))
"""


def environment(ours):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SAGEMAKER_"))}
    # The originals' protobuf classes are older than the protobuf that pip gives them.
    kept["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
    kept["SAGEMAKER_BASE_DIR"] = BASE.name  # made by the originals when they are imported
    return kept | ({"PYTHONPATH": OURS} if ours else {})


def run(package, code, ours, *options):
    """What that prints in the environment of the original, with our packages before it if `ours`."""
    venv = "venv-" + package.partition(".")[0].replace("_", "-")
    return subprocess.run(
        [ROOT / "build" / venv / "bin/python", *options, "-c", code],
        env=environment(ours),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def import_time(module, ours):
    """Milliseconds that the import adds to the start of Python; the median of several."""
    code = f"{OLD_NAME}\nimport time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return 1000 * statistics.median(float(run(module, code, ours)) for _ in range(7))


def main():
    for package, (imports, workloads) in PACKAGES.items():
        code = DRIVER.format(imports=f"{OLD_NAME}\n{imports}", workloads=workloads)
        ours, theirs = (json.loads(run(package, code, each)) for each in (True, False))
        for name in workloads:
            print(
                f"python {package:22} {name:22} {ours[name]:8.0f} MB/s  {theirs[name]:8.1f} MB/s"
                f"  {ours[name] / theirs[name]:7.1f}x",
                flush=True,
            )
    for module in IMPORTS:
        ours, theirs = import_time(module, True), import_time(module, False)
        print(f"python import {module:38} {ours:6.1f} ms  {theirs:6.1f} ms  {theirs / ours:7.1f}x")


if __name__ == "__main__":
    sys.exit(main())
