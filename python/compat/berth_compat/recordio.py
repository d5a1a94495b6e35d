"""SageMaker's recordio-protobuf, written by Berth's core: no protobuf is needed.

Each record: the magic number, its length, a Record message, zeros up to a multiple of four.
"""

from __future__ import annotations

MAGIC = 0xCED7230A
padding = {amount: bytes(amount) for amount in range(4)}


def write(file, data):
    """Writes one record that holds the bytes `data`."""
    import struct

    file.write(struct.pack("<II", MAGIC, len(data)))
    file.write(data)
    file.write(padding[-len(data) % 4])


def read(file):
    """What the records of `file` hold, one after the other. Raises AssertionError for what is no
    record; ends where the file does."""
    import struct

    while True:
        head = file.read(8)
        if len(head) < 4:
            return
        assert struct.unpack_from("<I", head)[0] == MAGIC
        (length,) = struct.unpack_from("<I", head, 4)
        yield file.read(length)
        file.read(-length % 4)


def write_dense(file, array, labels=None):
    """Writes a record for each row of an array, with its label where there are some.

    The types are float32, float64 and int64, which is written as 32 bits. Raises ValueError for
    other types and shapes, and for integers that do not fit; IndexError for rows without a label.
    """
    _check(array, labels)
    _write(file, array, labels, array.shape[0])


def write_sparse(file, array, labels=None):
    """The same for a sparse matrix; TypeError for any other."""
    from scipy.sparse import issparse

    if not issparse(array):
        raise TypeError("Array must be sparse")
    _check(array, labels)
    _write(file, array.tocsr(), labels, array.shape[0])


def _check(array, labels):
    if len(array.shape) != 2:
        raise ValueError("Array must be a Matrix")
    if labels is not None:
        if len(labels.shape) != 1:
            raise ValueError("Labels must be a Vector")
        # One for each column is taken, too: the original is asked for what is there.
        if labels.shape[0] not in array.shape:
            raise ValueError(
                "Label shape {} not compatible with array shape {}".format(
                    labels.shape, array.shape
                )
            )
        _check_type(labels.dtype)
    _check_type(array.dtype)


def _check_type(dtype):
    import numpy

    if dtype not in (numpy.dtype(int), numpy.dtype(float), numpy.dtype("float32")):
        raise ValueError("Unsupported dtype {} on array".format(dtype))


def _write(file, array, labels, rows):
    from berth import _core

    if not hasattr(array, "tocsr"):
        array = _plain(array)
    if labels is not None:
        labels = _plain(labels[:rows])
    _check_numbers(array, labels, rows)
    file.write(_core.recordio_encode(array, labels))


def _plain(numbers):
    """An ndarray itself. Of masked elements there is nothing but that they are not there."""
    import numpy

    return numpy.asarray(numbers.filled(numpy.nan) if hasattr(numbers, "filled") else numbers)


def _check_numbers(array, labels, rows):
    """Raises what the original meets first, which goes from row to row: a number of the row that is
    beyond 32 bits, no label, a label that is."""
    import numpy

    if hasattr(array, "tocsr"):
        at = _first_outside(array.data)
        outside = None if at is None else array.data[at]
        row = None if at is None else int(numpy.searchsorted(array.indptr, at, "right")) - 1
    else:
        at = _first_outside(array)
        outside = None if at is None else array.flat[at]
        row = None if at is None else at // array.shape[1]
    if labels is not None:
        at = _first_outside(labels)
        missing = len(labels) if len(labels) < rows else None
        if at is not None and (row is None or at < row):
            row, outside = at, labels[at]
        if missing is not None and (row is None or missing < row):
            labels[missing]  # raises IndexError
    if row is not None:
        raise ValueError("Value out of range: {}".format(outside))


def _first_outside(numbers):
    """Where the first integer beyond 32 bits stands, if any."""
    if numbers.dtype.kind != "i":
        return None
    outside = (numbers < -(2**31)) | (numbers >= 2**31)
    return int(outside.argmax()) if outside.any() else None


def array_to_recordio_protobuf(array_like, labels=None):
    """The records of an array of one dimension (one record) or two, or of a sparse matrix, as
    bytes. `labels`: a number for each. Raises as write_dense(); AssertionError for other shapes."""
    import io

    if len(array_like.shape) == 1:
        array_like = array_like.reshape(1, array_like.shape[0])
    assert len(array_like.shape) == 2, "Expecting a 1 or 2 dimensional array"
    stream = io.BytesIO()
    sparse = hasattr(array_like, "tocsr")
    (write_sparse if sparse else write_dense)(stream, array_like, labels)
    return stream.getvalue()
