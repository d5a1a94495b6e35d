"""Speaks with berth_codec_tool (src/codec/testing/main.cc): the codecs without the rest of berth."""

import os
import pathlib
import struct
import subprocess

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOOL = os.environ.get("BERTH_CODEC_TOOL", str(ROOT / "build/bin/berth_codec_tool"))
OPERATIONS = {
    "decode_json": 1,
    "decode_jsonlines": 2,
    "decode_csv": 3,
    "decode_csv_as_floats": 4,
    "decode_npy": 5,
    "decode_sparse": 6,
    "decode_recordio": 7,
    "encode_json": 11,
    "encode_jsonlines": 12,
    "encode_csv": 13,
    "encode_npy": 14,
    "recordio": 15,
    "sparse_recordio": 16,
    "encode_csv_since_23": 17,
}
DTYPES = "? b1 i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8".split()
HEAD = struct.Struct("<BBB8q")


def code_of(dtype):
    return DTYPES.index(dtype.str[1:])


class Tool:
    def __init__(self):
        self.process = subprocess.Popen([TOOL], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=30) == 0
        self.process.stdout.close()

    def run(self, operation, *arguments, repeats=1):
        """(errno, [arrays], text, nanoseconds); arguments are arrays, and at most one text."""
        arrays = [each for each in arguments if isinstance(each, np.ndarray)]
        texts = [each for each in arguments if isinstance(each, bytes)]
        parts = [struct.pack("<BIB", OPERATIONS[operation], repeats, len(arrays))]
        for each in arrays:
            fortran = each.flags.f_contiguous and not each.flags.c_contiguous
            data = each.tobytes("F" if fortran else "C")
            shape = each.shape + (0,) * (8 - each.ndim)
            parts.append(HEAD.pack(code_of(each.dtype), each.ndim, fortran, *shape))
            parts += [struct.pack("<Q", len(data)), data]
        text = texts[0] if texts else b""
        self.process.stdin.write(b"".join([*parts, struct.pack("<Q", len(text)), text]))
        self.process.stdin.flush()
        error, nanoseconds, count = struct.unpack("<iQB", self.read(13))
        results = []
        for _ in range(count):
            code, dimensions, fortran, *shape = HEAD.unpack(self.read(HEAD.size))
            data = self.read(*struct.unpack("<Q", self.read(8)))
            array = np.frombuffer(data, DTYPES[code]).reshape(
                shape[:dimensions], order="F" if fortran else "C"
            )
            results.append(array)
        return error, results, self.read(*struct.unpack("<Q", self.read(8))), nanoseconds

    def read(self, size):
        data = self.process.stdout.read(size)
        assert len(data) == size, "berth_codec_tool ended"
        return data
