"""Arrays to and from text and bytes, as the originals' encoders and decoders have it.

What is common is done by Berth's core. Whatever the core leaves (it raises ValueError) goes the
way of NumPy and of Python's own modules, which is that of the originals, with their results,
warnings and errors. Values, types, texts and bytes are theirs either way
(tests/python/test_parity.py).

NumPy and SciPy are imported when they are first needed.
"""

from __future__ import annotations

import sys

_JSON_TEXTS = (str, bytes, bytearray)  # what json.loads() takes


def is_plain(array):
    """Whether the core can encode it: an array of numbers, and nothing made from that class."""
    numpy = sys.modules.get("numpy")
    if numpy is None or type(array) is not numpy.ndarray:
        return False
    dtype = array.dtype
    return dtype.kind in "biuf" and dtype.isnative and dtype.itemsize <= 8


def json_to_numpy(text, dtype=None):
    """numpy.array(json.loads(text), dtype)."""
    if dtype is None and type(text) in _JSON_TEXTS:
        from berth import _core

        try:
            return _core.json_decode(text)
        except ValueError:
            pass
    import json

    import numpy

    return numpy.array(json.loads(text), dtype=dtype)


def array_to_json(array_like):
    """json.dumps() that knows whatever has a tolist()."""
    if is_plain(array_like):
        from berth import _core

        try:
            return _core.json_encode(array_like)
        except ValueError:
            pass
    import json

    def listed(value):
        if hasattr(value, "tolist"):
            return value.tolist()
        return json.JSONEncoder().default(value)  # its error is the original's, too

    return json.dumps(array_like, default=listed)


def array_to_npy(array_like):
    """What numpy.save() writes."""
    import io

    import numpy

    stream = io.BytesIO()
    numpy.save(stream, array_like)
    return stream.getvalue()


def npy_to_numpy(data):
    """numpy.load(), pickled objects as well: who calls this by name knows where `data` is from."""
    return _load_npy(data, True)


def request_npy_to_numpy(data):
    """The same for decode(), which is given what strangers send. A pickle is code that they would
    run here: ValueError, unless BERTH_ALLOW_PICKLED_ARRAYS is set as for `serve`."""
    import os

    allowed = os.environ.get("BERTH_ALLOW_PICKLED_ARRAYS", "").lower() in ("true", "1")
    try:
        return _load_npy(data, allowed)
    except ValueError as error:
        if allowed or "allow_pickle" not in str(error):
            raise
    raise ValueError(
        "the NPY data holds pickled Python objects, or is no NPY file: loading a pickle runs code"
        " of its sender's choice; send an array of numbers, or set BERTH_ALLOW_PICKLED_ARRAYS=true"
        " where every sender is trusted"
    )


def _load_npy(data, allow_pickle):
    import io

    import numpy

    return numpy.load(io.BytesIO(data), allow_pickle=allow_pickle)


def npz_to_sparse(data):
    """scipy.sparse.load_npz()."""
    import io

    import scipy.sparse

    return scipy.sparse.load_npz(io.BytesIO(data))


def csv_to_numpy_as_genfromtxt(text, dtype=None):
    """numpy.genfromtxt() of comma-separated text (sagemaker_inference)."""
    if dtype is None and type(text) is str:
        from berth import _core

        try:
            return _core.csv_decode(text)
        except ValueError:
            pass
    import io

    import numpy

    return numpy.genfromtxt(io.StringIO(text), dtype=dtype, delimiter=",")


def array_to_csv_as_savetxt(array_like):
    """numpy.savetxt() with commas and "%s" (sagemaker_inference)."""
    import io

    import numpy

    array = numpy.asarray(array_like)
    if is_plain(array):
        from berth import _core

        try:
            return _core.csv_encode(array)
        except ValueError:
            pass
    stream = io.StringIO()
    numpy.savetxt(stream, array_like, delimiter=",", fmt="%s")
    return stream.getvalue()


def csv_to_numpy_as_reader(text, dtype, client_error):
    """The rows of csv.reader(), squeezed: numbers where all fields are numbers, else text
    (sagemaker_training, sagemaker_containers). Raises `client_error` for what is no CSV, for rows
    of different lengths, and for fields that are no `dtype`."""
    if dtype is None and type(text) is str:
        from berth import _core

        try:
            return _core.csv_decode(text, "float64")
        except ValueError:
            pass
    import csv
    import io

    import numpy

    array = None
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
        array = numpy.array(rows).squeeze()
        return array.astype(dtype)
    except ValueError as error:
        if dtype is not None:
            raise client_error(
                "Error while writing numpy array: {}. dtype is: {}".format(error, dtype)
            )
        if array is None:  # rows of different lengths
            raise client_error("Error while decoding csv: {}".format(error))
        return array
    except Exception as error:
        raise client_error("Error while decoding csv: {}".format(error))


def array_to_csv_as_writer(array_like, client_error):
    """What csv.writer() makes of the rows, of one row a column (sagemaker_training,
    sagemaker_containers). Raises `client_error` for what csv refuses."""
    import csv
    import io

    import numpy

    array = numpy.array(array_like)
    if is_plain(array):
        from berth import _core

        try:
            return _core.csv_encode(array)
        except ValueError:
            pass
    stream = io.StringIO()
    try:
        writer = csv.writer(stream, lineterminator="\n", strict=True)
        writer.writerows(array.reshape(-1, 1) if array.ndim == 1 else array)
    except csv.Error as error:
        raise client_error("Error while encoding csv: {}".format(error))
    return stream.getvalue()


def by_type(functions, value, content_type, unsupported):
    """`value` through the function for its type; `unsupported(content_type)` is raised for
    others. A KeyError of the function's counts as one, as in the originals."""
    try:
        return functions[content_type](value)
    except KeyError:
        raise unsupported(content_type)
