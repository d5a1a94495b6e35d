"""SageMaker's recordio-protobuf: a record a row, its numbers under `values` of `features`.

src/codec/recordio.h has the format. The server decodes what is dense and fits into its slot.
"""

import struct

from .errors import RefusedError

_HEAD = struct.Struct("<II")
_MAGIC = 0xCED7230A
# Type of the numbers -> field of a Value.
_FIELDS = {"f4": 2, "f8": 3, "i8": 7}
_TYPES = {2: "<f4", 3: "<f8", 7: "<i4"}
_SIZES = {1: 8, 5: 4}  # by wire type


class _Broken(Exception):
    pass


def decode(numpy, data):
    """An array of the rows; a sparse matrix where they are sparse. Labels are left out."""
    try:
        rows = [_row(numpy, record) for record in _records(data)]
        kinds = {(row[0], row[2] is not None, row[3]) for row in rows}
        if len(kinds) != 1:
            raise _Broken
    except (_Broken, IndexError, ValueError):
        raise RefusedError(
            "the body is no recordio-protobuf: records, each with `values` of one length and type"
        ) from None
    ((kind, sparse, width),) = kinds
    if not sparse:
        return numpy.array([row[1] for row in rows], _TYPES[kind])
    return _matrix(numpy, rows, width)


def _matrix(numpy, rows, width):
    try:
        import scipy.sparse  # pylint: disable=import-outside-toplevel
    except ImportError:
        raise ImportError(
            "sparse recordio-protobuf needs SciPy, which this Python does not have:"
            " add it to requirements.txt"
        ) from None
    ends = numpy.cumsum([0] + [len(row[1]) for row in rows])
    values = numpy.concatenate([row[1] for row in rows])
    columns = numpy.concatenate([row[2] for row in rows])
    return scipy.sparse.csr_matrix((values, columns, ends), shape=(len(rows), width))


def _records(data):
    at = 0
    while at < len(data):
        if len(data) - at < _HEAD.size:
            raise _Broken
        magic, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if magic != _MAGIC or length > len(data) - at:
            raise _Broken
        yield data[at : at + length]
        at += (length + 3) & ~3


def _row(numpy, record):
    """Field of the type, values, keys or None, width."""
    found = None
    for entry in _of(record, 1):
        parts = dict(_parts(entry))
        if parts.get(1) == b"values":
            found = parts.get(2)
    parts = [part for part in _parts(found or b"") if part[0] in _TYPES]
    if len(parts) != 1:
        raise _Broken
    kind, tensor = parts[0]
    values = _numbers(numpy, _of(tensor, 1), _TYPES[kind])
    keys = _numbers(numpy, _of(tensor, 2), "<i8")
    shape = _numbers(numpy, _of(tensor, 3), "<i8")
    if not len(keys) and not len(shape):
        return kind, values, None, len(values)
    if len(keys) != len(values) or len(shape) != 1 or (len(keys) and not 0 <= keys.min() <= keys.max() < shape[0]):
        raise _Broken
    return kind, values, keys, int(shape[0])


def _of(message, number):
    return [content for field, content in _parts(message) if field == number]


def _parts(message):
    """(field, content) of each; a varint as a number."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        wire = tag & 7
        if wire == 0:
            content, at = _read_varint(message, at)
        else:
            if wire == 2:
                size, at = _read_varint(message, at)
            elif wire in _SIZES:
                size = _SIZES[wire]
            else:
                raise _Broken
            if size > len(message) - at:
                raise _Broken
            content = message[at : at + size]
            at += size
        yield tag >> 3, content


def _numbers(numpy, contents, kind):
    """Packed or one by one."""
    found = [numpy.empty(0, kind)]
    for content in contents:
        if kind[1] == "f":
            found.append(numpy.frombuffer(content, kind))
            continue
        numbers = [content] if isinstance(content, int) else []
        at = 0
        while not isinstance(content, int) and at < len(content):
            number, at = _read_varint(content, at)
            numbers.append(number)
        numbers = [n - (1 << 64) if n >= 1 << 63 else n for n in numbers]
        found.append(numpy.array(numbers, "<i8").astype(kind))
    return numpy.concatenate(found)


def _read_varint(message, at):
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number & ((1 << 64) - 1), at
        if shift > 63:
            raise _Broken


def encode(numpy, value):
    """As sagemaker_containers' array_to_recordio_protobuf: a record for each row; integers have 32
    bits."""
    array = numpy.asarray(value)
    if array.dtype.kind in "bui":
        array = array.astype("i8")
    elif array.dtype.kind == "f" and array.dtype.itemsize < 8:
        array = array.astype("f4")
    kind = "%s%d" % (array.dtype.kind, array.dtype.itemsize)
    if kind not in _FIELDS or array.ndim not in (1, 2):
        raise TypeError(
            "recordio-protobuf holds numbers in one or two dimensions, not %s of shape %s"
            % (array.dtype, array.shape)
        )
    if kind == "i8" and array.size and (array.min() < -(1 << 31) or array.max() >= 1 << 31):
        raise ValueError("recordio-protobuf holds integers of 32 bits: there is a larger one")
    records = []
    for row in array.reshape(1, -1) if array.ndim == 1 else array:
        if kind == "i8":
            packed = b"".join(_varint(int(number)) for number in row)
        else:
            packed = row.astype("<" + kind).tobytes()
        tensor = _field(1, packed) if packed else b""
        entry = _field(1, b"values") + _field(2, _field(_FIELDS[kind], tensor))
        record = _field(1, entry)
        records.append(_HEAD.pack(_MAGIC, len(record)) + record + b"\0" * (-len(record) % 4))
    return b"".join(records)


def _field(number, content):
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number):
    number &= (1 << 64) - 1
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
