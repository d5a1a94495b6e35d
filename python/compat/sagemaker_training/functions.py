"""The arguments of functions, and exceptions that become others."""

from __future__ import annotations

from berth_compat.functions import error_wrapper, getargspec, matching_args  # noqa: F401
