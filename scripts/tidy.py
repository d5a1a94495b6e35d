#!/usr/bin/env python3
"""clang-tidy over all sources but the tests', two at a time; a file whose inputs did not change is not run again.

What counts as input: .clang-tidy (and one beside the file), the file, every file of the project that it includes, and its
compile command. A clean result is remembered in build/tidy/clean/.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "tidy"
CLEAN = BUILD / "clean"
OURS = (str(ROOT / "src"), str(ROOT / "python"))


def includes(path, seen):
    """Adds `path` and the project's files that it includes, directly or not, to `seen`."""
    if path in seen or not path.is_file():
        return
    seen.add(path)
    for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE):
        includes(ROOT / "src" / name, seen)
        includes(path.parent / name, seen)


def fingerprint(path, command):
    seen = set()
    includes(path, seen)
    command = command.replace(str(ROOT), ".")  # the same in every clone
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes() + command.encode())
    own = path.parent / ".clang-tidy"
    if own.exists():
        digest.update(own.read_bytes())
    for part in sorted(seen):
        digest.update(part.read_bytes())
    return digest.hexdigest()


def check(entry):
    path = pathlib.Path(entry["file"])
    mark = CLEAN / fingerprint(path, entry["command"])
    if mark.exists():
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
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for ok, output in pool.map(check, entries):
            if not ok:
                failed += 1
                print(output)
    print(f"{len(entries)} files, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
