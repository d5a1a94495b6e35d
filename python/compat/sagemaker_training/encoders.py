"""Arrays to and from JSON, CSV, NPY and recordio-protobuf, by content type."""

from __future__ import annotations

from berth_compat import codecs, recordio
from sagemaker_training import content_types, errors


def array_to_npy(array_like):
    """The bytes of an NPY file that holds what numpy.array() makes of it."""
    return codecs.array_to_npy(array_like)


def npy_to_numpy(npy_array):
    """The array in the bytes of an NPY file. Pickled objects are loaded, which runs the code of
    whoever made them; decode() does not do that. Raises ValueError."""
    return codecs.npy_to_numpy(npy_array)


def array_to_json(array_like):
    """JSON text of anything that Python's json takes, or that has a tolist(). Raises TypeError."""
    return codecs.array_to_json(array_like)


def json_to_numpy(string_like, dtype=None):
    """The array that JSON text is, of type `dtype` where that is given. Raises ValueError."""
    return codecs.json_to_numpy(string_like, dtype)


def csv_to_numpy(string_like, dtype=None):
    """The rows of CSV text, dimensions of one dropped: numbers where all fields are numbers, else
    text; or of type `dtype`. Raises ClientError."""
    return codecs.csv_to_numpy_as_reader(string_like, dtype, errors.ClientError)


def array_to_csv(array_like):
    """CSV text of an array; one of one dimension is a column. Raises ClientError."""
    return codecs.array_to_csv_as_writer(array_like, errors.ClientError)


def array_to_recordio_protobuf(array_like, labels=None):
    """The records of an array or sparse matrix as bytes (berth_compat/recordio.py)."""
    return recordio.array_to_recordio_protobuf(array_like, labels)


encoders_map = {
    content_types.NPY: array_to_npy,
    content_types.CSV: array_to_csv,
    content_types.JSON: array_to_json,
}
_decoders_map = {
    content_types.NPY: codecs.request_npy_to_numpy,
    content_types.CSV: csv_to_numpy,
    content_types.JSON: json_to_numpy,
}


def decode(obj, content_type):
    """The array that `obj` is (text for JSON and CSV, else bytes). Raises UnsupportedFormatError
    for other types; ValueError for pickled arrays (docs/python.md)."""
    return codecs.by_type(_decoders_map, obj, content_type, errors.UnsupportedFormatError)


def encode(array_like, content_type):
    """Text (JSON, CSV) or bytes (NPY) of an array. Raises UnsupportedFormatError for others."""
    return codecs.by_type(encoders_map, array_like, content_type, errors.UnsupportedFormatError)
