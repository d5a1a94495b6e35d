"""zip_worker.py FOLDER ARCHIVE: what of FOLDER (python/) a serving worker needs, as one archive that
Python runs.

The same files give the same bytes. Not compressed: an interpreter may lack zlib.
"""

import pathlib
import sys
import zipfile


def main():
    folder, archive = map(pathlib.Path, sys.argv[1:])
    with zipfile.ZipFile(archive, "w") as out:
        for path in [folder / "__main__.py", *sorted((folder / "berth_worker").rglob("*.py"))]:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
            entry.external_attr = 0o644 << 16
            out.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    main()
