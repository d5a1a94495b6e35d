"""Request bodies to arrays, by content type."""

from __future__ import annotations

from berth_compat import codecs
from sagemaker_inference import content_types, errors


def _json_to_numpy(string_like, dtype=None):
    return codecs.json_to_numpy(string_like, dtype)


def _csv_to_numpy(string_like, dtype=None):
    return codecs.csv_to_numpy_as_genfromtxt(string_like, dtype)


def _npy_to_numpy(npy_array):
    return codecs.request_npy_to_numpy(npy_array)


def _npz_to_sparse(npz_bytes):
    return codecs.npz_to_sparse(npz_bytes)


_decoder_map = {
    content_types.NPY: _npy_to_numpy,
    content_types.CSV: _csv_to_numpy,
    content_types.JSON: _json_to_numpy,
    content_types.NPZ: _npz_to_sparse,
}


def decode(obj, content_type):
    """The array, or sparse matrix, that `obj` (text for JSON and CSV, else bytes) is.

    Raises UnsupportedFormatError for other types, ValueError for what cannot be decoded, and for
    pickled arrays (docs/python.md).
    """
    return codecs.by_type(_decoder_map, obj, content_type, errors.UnsupportedFormatError)
