"""Mappings as environment variables and command-line arguments."""

from __future__ import annotations

from berth_compat.mapping import (  # noqa: F401
    MappingMixin,
    SplitResultSpec,
    split_by_criteria,
    to_cmd_args,
    to_env_vars,
)
