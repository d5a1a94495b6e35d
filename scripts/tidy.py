#!/usr/bin/env python3
"""clang-tidy over all sources but the tests', two at a time; a file whose inputs did not change is not run again.

What counts as input: .clang-tidy (and one beside the file), the file, every file of the project that it includes, its
compile command, and what chooses the versions of all that is not the project's. A clean result is remembered for all
clones of one user, where ccache has its results, too; for a month after it was last asked for.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "tidy"
CLEAN = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "berth-tidy"
KEPT = 30 * 24 * 3600
VERSIONS = ("scripts/apt-packages.txt", "scripts/fetch-awscrt", "python/build-requirements.txt")
OURS = (str(ROOT / "src"), str(ROOT / "python"))


def includes(path, seen):
    """Adds `path` and the project's files that it includes, directly or not, to `seen`."""
    if path in seen or not path.is_file():
        return
    seen.add(path)
    for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE):
        includes(ROOT / "src" / name, seen)
        includes(path.parent / name, seen)


def common():
    digest = hashlib.sha256(subprocess.run(["clang-tidy-19", "--version"], capture_output=True, check=True).stdout)
    for name in (".clang-tidy", *VERSIONS):
        digest.update((ROOT / name).read_bytes())
    return digest.digest()


def fingerprint(path, command, start):
    seen = set()
    includes(path, seen)
    command = command.replace(str(ROOT), ".")  # the same in every clone
    digest = hashlib.sha256(start + command.encode())
    own = path.parent / ".clang-tidy"
    if own.exists():
        digest.update(own.read_bytes())
    for part in sorted(seen):
        digest.update(part.read_bytes())
    return digest.hexdigest()


def check(entry, start):
    path = pathlib.Path(entry["file"])
    mark = CLEAN / fingerprint(path, entry["command"], start)
    if mark.exists():
        mark.touch()
        return True, ""
    run = subprocess.run(
        ["clang-tidy-19", "--quiet", "-p", str(BUILD), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == 0:
        mark.touch()
    return run.returncode == 0, run.stdout


def main():
    CLEAN.mkdir(parents=True, exist_ok=True)
    entries = [
        entry
        for entry in json.loads((BUILD / "compile_commands.json").read_text())
        if entry["file"].startswith(OURS) and not entry["file"].endswith("_test.cc")
    ]
    failed, start = 0, common()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for ok, output in pool.map(check, entries, [start] * len(entries)):
            if not ok:
                failed += 1
                print(output)
    for mark in CLEAN.iterdir():
        if mark.stat().st_mtime < time.time() - KEPT:
            mark.unlink(missing_ok=True)
    print(f"{len(entries)} files, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
