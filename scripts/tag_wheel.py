#!/usr/bin/env python3
"""tag_wheel.py WHEEL FOLDER: the wheel, moved into FOLDER, with the tag manylinux_2_X of the oldest
glibc that its extension can be loaded with. Prints where it is.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

# No Python of 3.8 or later came with an older one.
OLDEST = (2, 17)

def needed_glibc(library):
    """The highest (2, X) among the versions of symbols that a library takes from glibc."""
    symbols = subprocess.run(
        ["objdump", "-T", library], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    versions = re.findall(r"\(?GLIBC_(\d+)\.(\d+)", symbols)
    return max(OLDEST, *((int(major), int(minor)) for major, minor in versions))


def main():
    wheel, folder = map(pathlib.Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as unpacked, zipfile.ZipFile(wheel) as archive:
        libraries = [name for name in archive.namelist() if name.endswith(".so")]
        needed = max(needed_glibc(archive.extract(name, unpacked)) for name in libraries)
    machine = wheel.stem.rpartition("linux_")[2]
    platform = "manylinux_%d_%d_%s" % (*needed, machine)
    name = subprocess.run(
        [sys.executable, "-m", "wheel", "tags", "--remove", "--platform-tag", platform, wheel],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.strip()
    print(wheel.with_name(name).replace(folder / name))


if __name__ == "__main__":
    main()
