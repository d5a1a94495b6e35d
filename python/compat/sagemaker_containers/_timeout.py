"""A limit of time for a block of code."""

from __future__ import annotations

from berth_compat.timeout import TimeoutError, timeout  # noqa: F401
