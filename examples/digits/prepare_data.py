"""Writes scikit-learn's handwritten digits as the channels `training` and `test`.

The data comes with scikit-learn: nothing is downloaded.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the channels' folders are made")
    folder = parser.parse_args().folder

    digits = load_digits()
    rows = np.column_stack([digits.target, digits.data]).astype(int)
    parts = train_test_split(rows, test_size=0.2, random_state=1, stratify=digits.target)
    for channel, part in zip(("training", "test"), parts):
        (folder / channel).mkdir(parents=True, exist_ok=True)
        np.savetxt(folder / channel / "digits.csv", part, fmt="%d", delimiter=",")
        print(f"{folder / channel}: {len(part)} images")


if __name__ == "__main__":
    main()
