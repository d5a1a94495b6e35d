"""Arrays to and from JSON, CSV, NPY and recordio-protobuf, by content type."""

from __future__ import annotations

from berth_compat import codecs
from sagemaker_containers import _content_types, _errors
from sagemaker_training.encoders import (
    array_to_json,
    array_to_npy,
    array_to_recordio_protobuf,  # noqa: F401
    json_to_numpy,
    npy_to_numpy,  # noqa: F401
)


def csv_to_numpy(string_like, dtype=None):
    """The rows of CSV text, dimensions of one dropped: numbers where all fields are numbers, else
    text; or of type `dtype`. Raises ClientError."""
    return codecs.csv_to_numpy_as_reader(string_like, dtype, _errors.ClientError)


def array_to_csv(array_like):
    """CSV text of an array; one of one dimension is a column. Raises ClientError."""
    return codecs.array_to_csv_as_writer(array_like, _errors.ClientError)


_encoders_map = {
    _content_types.NPY: array_to_npy,
    _content_types.CSV: array_to_csv,
    _content_types.JSON: array_to_json,
}
_decoders_map = {
    _content_types.NPY: codecs.request_npy_to_numpy,
    _content_types.CSV: csv_to_numpy,
    _content_types.JSON: json_to_numpy,
}


def decode(obj, content_type):
    """The array that `obj` is (text for JSON and CSV, else bytes). Raises UnsupportedFormatError
    for other types; ValueError for pickled arrays (docs/python.md)."""
    return codecs.by_type(_decoders_map, obj, content_type, _errors.UnsupportedFormatError)


def encode(array_like, content_type):
    """Text (JSON, CSV) or bytes (NPY) of an array. Raises UnsupportedFormatError for others."""
    return codecs.by_type(_encoders_map, array_like, content_type, _errors.UnsupportedFormatError)
