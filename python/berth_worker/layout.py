"""Where things stand in the memory shared with the server: src/serving/transport/layout.h."""

import struct

ARENA_MAGIC = b"BERTHAR1"
# magic, small slots, large slots, their offsets, payload, size
ARENA_HEADER = struct.Struct("<8sIIQQQQ")

HEADER_BLOB = 1024
SMALL_SLOT = 64 << 10
SMALL_RESPONSE = 32 << 10
LARGE_BODY = 64 << 10

MAX_DIMENSIONS = 8

# kind, cancelled, body_offset, body_length, deadline, headers_length, dtype, dimensions, fortran,
# id_length
REQUEST = struct.Struct("<IIQQqIBBBB")
REQUEST_SHAPE = 40
REQUEST_ID_LENGTH = 39
REQUEST_ID = 128

REQUEST_TENSOR = 1

# kind, status, body_offset, body_length, dtype, dimensions, fortran, encoding, headers_length,
# headers_offset
RESPONSE = struct.Struct("<IIQQBBBBIQ")
RESPONSE_AT = 256
RESPONSE_SHAPE = 296
# begun, decoded, predicted, ended, flags, freed_count
RESPONSE_END = struct.Struct("<qqqqII")
RESPONSE_END_AT = 360
RESPONSE_FREED = 400

RESPONSE_BYTES = 1
RESPONSE_TENSOR = 2
RESPONSE_FILE = 3
RESPONSE_DROPPED = 4

# By number of dimensions.
SHAPES = [struct.Struct("<%dq" % count) for count in range(MAX_DIMENSIONS + 1)]
SLOTS = [struct.Struct("<%dI" % count) for count in range(9)]

FLAG_KEPT = 1
# Slots whose body a handler may keep a view of; then it is given copies.
MAX_KEPT = 4

JSON, CSV, NPY = 1, 2, 3  # what the server encodes

# By code; NumPy's names.
DTYPES = (None, "?", "<i1", "<u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")

HEARTBEAT = 0xFFFFFFFF


def request_id(memory, base):
    """The id of the request in the slot at `base`."""
    start = base + REQUEST_ID
    return memory[start : start + memory[base + REQUEST_ID_LENGTH]].decode("latin-1")


# One more request is finished: what is written to `done`.
ONE = struct.pack("<Q", 1)
