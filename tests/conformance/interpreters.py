"""The virtual environments that hold the originals."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def interpreter(name):
    path = ROOT / "build" / name / "bin" / "python"
    assert path.exists(), f"{path} is missing: run `scripts/bootstrap`"
    return str(path)
