"""The memory of all requests and answers, and what handlers keep of it."""

import fcntl
import mmap
import os
import weakref

from . import layout
from .codecs import np

# Of linux/fcntl.h; not every Python was built where they are known.
_F_ADD_SEALS = 1033
_SEALS = 1 | 2 | 4 | 8  # SEAL, SHRINK, GROW, WRITE
_MFD_CLOEXEC, _MFD_ALLOW_SEALING = 1, 2

# The first bytes of a response area are for the headers' blob, where it fits into them.
_HEADERS_ROOM = 64


class Arena:
    """`memory`: all of it, writable, for bytes. `places[slot]`: where the slot begins, where its
    response area begins (in the slot) and how large that is."""

    def __init__(self, descriptor):
        self.memory = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
        (magic, small, large, small_offset, large_offset, payload, _) = (
            layout.ARENA_HEADER.unpack_from(self.memory)
        )
        if magic != layout.ARENA_MAGIC:
            raise ValueError("the arena begins with %r, not %r" % (magic, layout.ARENA_MAGIC))
        self.places = [
            (
                small_offset + index * layout.SMALL_SLOT,
                layout.SMALL_RESPONSE,
                layout.SMALL_SLOT - layout.SMALL_RESPONSE,
            )
            for index in range(small)
        ]
        large_slot = layout.LARGE_BODY + 2 * payload
        self.places += [
            (large_offset + index * large_slot, layout.LARGE_BODY + payload, payload)
            for index in range(large)
        ]
        # (slot, weak reference to the array over its body) of those that handlers keep.
        self.kept = []
        self.dtypes = np and [np.dtype(name) if name else None for name in layout.DTYPES]
        self.codes = np and {dtype: code for code, dtype in enumerate(self.dtypes) if dtype}

    def tensor(self, base, offset, length, dtype, dimensions, fortran):
        """The body as the array that the server decoded it to, and a weak reference that dies with
        the last view of it (None: it is a copy). NumPy keeps the first array over foreign memory
        alive as the base of every view, while it does not hold a memoryview's export: that its
        release() succeeds would prove nothing. The array is writable: the slot is the handler's
        until it is answered, and while it keeps the array."""
        dtype = self.dtypes[dtype]
        if not length:
            flat = np.zeros(0, dtype)
            watch = None
        elif len(self.kept) < layout.MAX_KEPT:
            flat = np.frombuffer(self.memory, dtype, length // dtype.itemsize, base + offset)
            watch = weakref.ref(flat)
        else:
            start = base + offset
            flat = np.frombuffer(bytearray(self.memory[start : start + length]), dtype)
            watch = None
        if dimensions == 1:
            return flat, watch
        shape = layout.SHAPES[dimensions].unpack_from(self.memory, base + layout.REQUEST_SHAPE)
        return flat.reshape(shape, order="F" if fortran else "C"), watch

    def respond(self, slot, status, headers, body, send_file):
        """The answer is `body`: bytes or what is like them. send_file(descriptor, slot): tells the
        server of an answer that the slot has no room for."""
        base, area, room = self.places[slot]
        used = len(headers)
        if used > room:
            raise ValueError("the headers of the answer are %d bytes; at most %d" % (used, room))
        start = base + area
        self.memory[start : start + used] = headers
        length = len(body)
        if used + length <= room:
            kind = layout.RESPONSE_BYTES
            self.memory[start + used : start + used + length] = body
        else:
            kind = layout.RESPONSE_FILE
            descriptor = _sealed_file(body)
            try:
                send_file(descriptor, slot)
            finally:
                os.close(descriptor)
        layout.RESPONSE.pack_into(
            self.memory, base + layout.RESPONSE_AT,
            kind, status, area + used, length, 0, 0, 0, 0, used, area,
        )  # fmt: skip

    def respond_tensor(self, slot, status, headers, array, encoding):
        """The answer is `array`, which the server shall encode. False: not possible, nothing done."""
        code = self.codes.get(array.dtype)
        dimensions = array.ndim
        if code is None or dimensions > layout.MAX_DIMENSIONS:
            return False
        if encoding == layout.CSV and not 1 <= dimensions <= 2:
            return False
        base, area, room = self.places[slot]
        used = len(headers)
        length = array.nbytes
        first = _HEADERS_ROOM if used <= _HEADERS_ROOM else (used + 63) & ~63
        if first + length > room:
            return False
        memory = self.memory
        start = base + area
        memory[start : start + used] = headers
        shape = array.shape
        # As numpy.save has it: an array that stands in Fortran's order stays so.
        fortran = (
            encoding == layout.NPY
            and array.flags.f_contiguous
            and not array.flags.c_contiguous
        )
        if fortran:
            array = array.T
        start += first
        if length <= 4096:
            memory[start : start + length] = array.tobytes()
        else:
            np.copyto(np.ndarray(array.shape, array.dtype, memory, start), array)
        layout.RESPONSE.pack_into(
            memory, base + layout.RESPONSE_AT,
            2, status, area + first, length, code, dimensions, fortran, encoding, used, area,
        )  # fmt: skip
        if dimensions:
            layout.SHAPES[dimensions].pack_into(memory, base + layout.RESPONSE_SHAPE, *shape)
        return True

    def drop(self, slot, begun):
        """The request is not run."""
        base = self.places[slot][0]
        layout.RESPONSE.pack_into(
            self.memory, base + layout.RESPONSE_AT, layout.RESPONSE_DROPPED, *[0] * 9
        )
        self.finish(slot, base, begun, 0, 0, begun, None)

    def finish(self, slot, base, begun, decoded, predicted, ended, watch):
        """The end of the response descriptor. Nothing of ours may refer to the body any more."""
        flags = freed = 0
        if self.kept:
            freed = self._tell_freed(base)
        if watch is not None and watch() is not None:
            flags = layout.FLAG_KEPT
            self.kept.append((slot, watch))
        layout.RESPONSE_END.pack_into(
            self.memory, base + layout.RESPONSE_END_AT,
            begun, decoded, predicted, ended, flags, freed,
        )  # fmt: skip

    def _tell_freed(self, base):
        freed = [slot for slot, watch in self.kept if watch() is None]
        if freed:
            self.kept = [entry for entry in self.kept if entry[0] not in freed]
            layout.SLOTS[len(freed)].pack_into(self.memory, base + layout.RESPONSE_FREED, *freed)
        return len(freed)


def _sealed_file(body):
    """A file in memory that holds `body` and cannot change any more."""
    descriptor = _memfd()
    try:
        rest = memoryview(body).cast("B")
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        fcntl.fcntl(descriptor, _F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _memfd():
    create = getattr(os, "memfd_create", None)
    if create is not None:
        return create("berth-answer", _MFD_CLOEXEC | _MFD_ALLOW_SEALING)
    # Python as conda builds it, against an old C library; the one that runs has the function.
    import ctypes  # pylint: disable=import-outside-toplevel

    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.memfd_create(b"berth-answer", _MFD_CLOEXEC | _MFD_ALLOW_SEALING)
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "memfd_create")
    return descriptor
