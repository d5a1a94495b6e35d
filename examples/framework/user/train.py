"""A user's script: what the framework container runs."""

import argparse
import os
import pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1)
arguments = parser.parse_args()

data = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
numbers = [float(line) for file in sorted(data.iterdir()) for line in file.read_text().split()]
mean = sum(numbers) / len(numbers)
for epoch in range(1, arguments.epochs + 1):
    print(f"epoch {epoch}: mean={mean} threads={os.environ['MY_FRAMEWORK_THREADS']}")
pathlib.Path(os.environ["SM_MODEL_DIR"], "mean").write_text(f"{mean}\n")
