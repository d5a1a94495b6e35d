"""Writes the seeds of extract_fuzz: one small archive for each thing an archive can hold or do."""

import gzip
import io
import sys
import tarfile
from pathlib import Path


def entry(name, kind=tarfile.REGTYPE, content=b"", link="", mode=0o644):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size = kind, link, mode, len(content)
    return info, content


def archive(entries, form=tarfile.PAX_FORMAT, pax=None):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for info, content in entries:
            info.pax_headers = dict(pax or {})
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()[: 512 * 12]  # less of the padding


LINK, HARD, FOLDER = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
SEEDS = {
    "file": archive([entry("a/b", content=b"content")]),
    "folders": archive([entry("d", FOLDER, mode=0o555), entry("d/e/f", content=b"x")]),
    "links": archive([entry("a", content=b"x"), entry("b/l", LINK, link="../a"), entry("h", HARD, link="a")]),
    "link-out": archive([entry("l", LINK, link="../victim"), entry("l", content=b"x")]),
    "link-through": archive([entry("l", LINK, link="."), entry("l/victim", content=b"x")]),
    "link-chain": archive([entry("a/b/up", LINK, link="../.."), entry("o", LINK, link="a/b/up/../victim")]),
    "hard-out": archive([entry("h", HARD, link="../victim")]),
    "hard-to-link": archive([entry("a/l", LINK, link="../x"), entry("h", HARD, link="a/l")]),
    "dot-dot": archive([entry("../victim", content=b"x")]),
    "absolute": archive([entry("/tmp/x", content=b"x")]),
    "device": archive([entry("n", tarfile.CHRTYPE)]),
    "fifo": archive([entry("n", tarfile.FIFOTYPE)]),
    "set-id": archive([entry("s", mode=0o6755)]),
    "replaced": archive([entry("a", LINK, link="b"), entry("a", content=b"x"), entry("a", FOLDER)]),
    "long-gnu": archive([entry("n" * 150, LINK, link="t" * 150)], tarfile.GNU_FORMAT),
    "long-pax": archive([entry("grün/" + "n" * 150, content=b"x")]),
    "sparse": archive(
        [entry("GNUSparseFile.0/s", content=b"1\n100\n3\n".ljust(512, b"\0") + b"end")],
        pax={
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "s",
            "GNU.sparse.realsize": "5000",
        },
    ),
    "empty": archive([]),
}

if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "corpus" / "extract")
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in SEEDS.items():
        (folder / f"{name}.tar").write_bytes(content)
    for name in ("file", "links"):
        (folder / f"{name}.tar.gz").write_bytes(gzip.compress(SEEDS[name], mtime=0))
