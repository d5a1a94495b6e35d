"""All benchmarks, one after the other: `make bench`."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BENCHMARKS = ["supervisor.py", "storage.py", "start_from_s3.py", "codec.py", "python_codecs.py",
              "serving.py", "launch.py", "launch_scale.py"]

for name in BENCHMARKS:
    subprocess.run([sys.executable, HERE / name], check=True)
