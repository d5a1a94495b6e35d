"""Berth: the SageMaker container contract, natively.

The programs `berth`, `train` and `serve` come with this package. `berth._core` is their C++ core:
codecs and the contract's environments. Importing `berth` loads nothing else.
"""

from __future__ import annotations

from ._binary import binary

__all__ = ["__version__", "binary"]

__version__: str


def __getattr__(name: str) -> object:
    if name == "__version__":
        from ._core import version

        return version()
    raise AttributeError("module 'berth' has no attribute %r" % name)
