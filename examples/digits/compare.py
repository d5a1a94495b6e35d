"""Prints a model's answers beside the truth."""

import argparse
import json
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("truth", type=Path, help="a digit a line")
    parser.add_argument("answer", type=Path, help="what inference.py answered")
    arguments = parser.parse_args()

    truth = [int(line) for line in arguments.truth.read_text().split()]
    answers = json.loads(arguments.answer.read_text())
    right = [digit == answer["digit"] for digit, answer in zip(truth, answers, strict=True)]
    print("truth       ", *truth)
    print("answer      ", *(answer["digit"] for answer in answers))
    if not all(right):
        print("wrong        " + " ".join(" " if good else "^" for good in right).rstrip())
    print(f"{sum(right)} of {len(right)} right; the least sure answer has probability", end=" ")
    print(min(answer["probability"] for answer in answers))


if __name__ == "__main__":
    main()
