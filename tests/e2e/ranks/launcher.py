"""Stands in for mpirun and torchrun: launcher.py COUNT ROUNDS COMMAND... starts COUNT ranks, waits for
all, ROUNDS times, and ends with the worst exit code (128 + the signal where one died by one)."""

import os
import subprocess
import sys

count, rounds, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
worst = 0
for turn in range(rounds):
    ranks = []
    for rank in range(count):
        numbers = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
        numbers |= {"TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_RESTART_COUNT": str(turn)}
        ranks.append(subprocess.Popen(command, env=os.environ | numbers))
    for rank in ranks:
        code = rank.wait()
        worst = max(worst, 128 - code if code < 0 else code)
sys.exit(worst)
