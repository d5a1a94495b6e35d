"""The default decode and encode of handlers: values and text as sagemaker-inference has them, and
JSON Lines and recordio-protobuf, which it has not."""

import io
import json
import math

from . import content_types, layout, recordio
from .errors import RefusedError, UnsupportedFormatError

try:
    import numpy as np
except ImportError:
    np = None


def decode(data, content_type, allow_pickle=False):
    """`data`: text for JSON and CSV, else bytes. `content_type`: with or without parameters."""
    media = content_types.media_type(content_type)
    if media == content_types.JSON:
        value = json.loads(data)
        return value if np is None else np.array(value)
    if media == "text/csv":
        return _numpy(media).genfromtxt(io.StringIO(data), dtype=None, delimiter=",")
    if media == "application/x-npy":
        return _load_npy(_numpy(media), data, allow_pickle)
    if media == "application/x-npz":
        return _load_npz(data)
    if media == "application/jsonlines":
        # Not splitlines(): other line ends may stand in a text.
        value = [json.loads(line) for line in data.split(b"\n") if line.strip()]
        return value if np is None else np.array(value)
    if media == "application/x-recordio-protobuf":
        return recordio.decode(_numpy(media), data)
    raise UnsupportedFormatError(
        "there is no default decode for the content type %r: send %s, or write an input_fn"
        % (content_type, _listing(("application/x-npz",)))
    )


def encode(value, encoding):
    """Text or bytes of `value` in one of content_types.ENCODINGS."""
    if encoding == layout.JSON:
        return json.dumps(value, default=_listed)
    if encoding == layout.CSV:
        text = io.StringIO()
        _numpy("text/csv").savetxt(text, value, delimiter=",", fmt="%s")
        return text.getvalue()
    if encoding == content_types.JSON_LINES:
        rows = value.tolist() if hasattr(value, "tolist") else value
        rows = rows if isinstance(rows, (list, tuple)) else [rows]
        return "".join(json.dumps(row, default=_listed) + "\n" for row in rows)
    if encoding == content_types.RECORDIO:
        return recordio.encode(_numpy("application/x-recordio-protobuf"), value)
    stream = io.BytesIO()
    _numpy("application/x-npy").save(stream, value)
    return stream.getbuffer()


def unsupported_accept(accept):
    return UnsupportedFormatError(
        "there is no default encode for the accepted type %r: accept %s, or write an output_fn"
        % (accept, _listing())
    )


def _listing(more=()):
    names = [*content_types.ENCODINGS, *more]
    return ", ".join(names[:-1]) + " or " + names[-1]


def _numpy(media):
    if np is None:
        raise ImportError(
            "%s needs NumPy, which this Python does not have: add it to requirements.txt" % media
        )
    return np


def _listed(value):
    if hasattr(value, "tolist"):
        return value.tolist()
    return json.JSONEncoder().default(value)  # its error is the reference's, too


def _load_npy(numpy, data, allow_pickle):
    try:
        return numpy.load(io.BytesIO(data), allow_pickle=allow_pickle)
    except MemoryError:
        if not _claims_more(numpy, data):
            raise
        raise RefusedError(
            "the head of the NPY body speaks of more data than the body has"
        ) from None
    except ValueError as error:
        if "negative dimensions" in str(error):
            raise RefusedError("the head of the NPY body has a negative dimension") from None
        if "allow_pickle" not in str(error):
            raise
        if data[:1] not in (b"\x93", b"\x80"):
            raise RefusedError("the body is no NPY file: it does not begin as one") from None
        raise RefusedError(
            "the body is a pickle, or an array of Python objects: loading it would run code of"
            " the sender's choice; send an array of numbers"
        ) from None


def _claims_more(numpy, data):
    """Whether the array that an NPY file's head describes is larger than what follows."""
    stream = io.BytesIO(data)
    read = numpy.lib.format
    if read.read_magic(stream) == (1, 0):
        shape, _, dtype = read.read_array_header_1_0(stream)
    else:
        shape, _, dtype = read.read_array_header_2_0(stream)
    return math.prod(shape) * dtype.itemsize > len(data) - stream.tell()


def _load_npz(data):
    try:
        import scipy.sparse  # pylint: disable=import-outside-toplevel
    except ImportError:
        raise ImportError(
            "application/x-npz needs SciPy, which this Python does not have:"
            " add it to requirements.txt"
        ) from None
    return scipy.sparse.load_npz(io.BytesIO(data))
