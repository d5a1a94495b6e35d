"""Files, and the headers of requests."""

from __future__ import annotations

import re

CONTENT_TYPE_REGEX = re.compile("^[Cc]ontent-?[Tt]ype")


def read_file(path, mode="r"):
    """What a file holds: text, or bytes where `mode` says so. Raises OSError."""
    with open(path, mode) as stream:
        return stream.read()


def write_file(path, data, mode="w"):
    """Makes `data` what a file holds, or with "a" its end. Raises OSError."""
    with open(path, mode) as stream:
        stream.write(data)


def retrieve_content_type_header(request_property):
    """The value of the first of the headers that is a way to write Content-Type, else None."""
    for name, value in request_property.items():
        if CONTENT_TYPE_REGEX.match(name):
            return value
    return None


def parse_accept(accept):
    """The types of an Accept header, in their order; parameters stay with them."""
    return accept.replace(" ", "").split(",")


def remove_crlf(illegal_string):
    """The text in one line: what a reason phrase may be."""
    return illegal_string.replace("\r", " ").replace("\n", " ")
