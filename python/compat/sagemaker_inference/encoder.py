"""Predictions to bodies of answers, by content type."""

from __future__ import annotations

from berth_compat import codecs
from sagemaker_inference import content_types, errors


def _array_to_json(array_like):
    return codecs.array_to_json(array_like)


def _array_to_npy(array_like):
    return codecs.array_to_npy(array_like)


def _array_to_csv(array_like):
    return codecs.array_to_csv_as_savetxt(array_like)


_encoder_map = {
    content_types.NPY: _array_to_npy,
    content_types.CSV: _array_to_csv,
    content_types.JSON: _array_to_json,
}

SUPPORTED_CONTENT_TYPES = set(_encoder_map)


def encode(array_like, content_type):
    """Text (JSON, CSV) or bytes (NPY) of anything that NumPy, for JSON Python's json, takes.

    Raises UnsupportedFormatError for other types, TypeError and ValueError for what cannot be
    encoded.
    """
    return codecs.by_type(_encoder_map, array_like, content_type, errors.UnsupportedFormatError)
