"""What Request and Response are alike in, with Flask and without."""

from __future__ import annotations

import warnings

from sagemaker_containers import _content_types


def content_type_of(headers):
    """The header ContentType (some AWS services), else Content-Type, else JSON."""
    return headers.get("ContentType") or headers.get("Content-Type") or _content_types.JSON


def accept_of(headers, default):
    """The header Accept; `default` where there is none, or any type will do."""
    accept = headers.get("Accept")
    return default if not accept or accept == _content_types.ANY else accept


def warn_of_accept(accept):
    """Response() has taken an `accept` once."""
    if accept:
        warnings.warn(
            'ignoring deprecated "accept" argument to Response.__init__',
            DeprecationWarning,
            stacklevel=3,
        )
