"""berth._core: what NumPy, json and the originals make of the same.

The codecs themselves are compared with the originals by the thousand in tests/conformance; here it is
the way in and out of Python. Also run by `make wheels` in each Python, on the installed wheel.
"""

import io
import json
import pickle
import struct
import sys
import threading
import time

import numpy as np
import pytest

from berth import _core

DTYPES = "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8".split()
# Any limit on a wait here.
DEADLINE = 60


def arrays():
    """One of each type, shape and layout."""
    for dtype in DTYPES:
        yield np.arange(6).astype(dtype)
    full = np.linspace(0, 1, 24).reshape(4, 6)
    yield full
    yield np.asfortranarray(full)
    yield full.T
    yield full[::2, ::-1]
    yield np.zeros((0, 3))
    yield np.array([[np.nan, np.inf], [-np.inf, -0.0]])
    yield np.array(5)
    yield np.arange(24).reshape(2, 3, 4)
    yield np.zeros((1,) * 8, "i4")


def same(ours, theirs):
    assert type(ours) is type(theirs)
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    assert ours.tobytes() == theirs.tobytes()


def texts(array):
    """That can be written as CSV."""
    return array.ndim in (1, 2)


@pytest.mark.parametrize("array", arrays(), ids=lambda array: "%s%s" % (array.dtype, array.shape))
def test_arrays_are_written_as_the_originals_write_them(array):
    assert _core.json_encode(array) == json.dumps(array.tolist())
    file = io.BytesIO()
    np.save(file, array)
    assert _core.npy_encode(array) == file.getvalue()
    rows = array.tolist() if array.ndim else [array.tolist()]
    assert _core.jsonlines_encode(array) == "".join(json.dumps(row) + "\n" for row in rows)
    if texts(array):
        text = io.StringIO()
        np.savetxt(text, array, delimiter=",", fmt="%s")
        assert _core.csv_encode(array) == text.getvalue()


@pytest.mark.parametrize("array", arrays(), ids=lambda array: "%s%s" % (array.dtype, array.shape))
def test_npy_is_read_as_numpy_reads_it(array):
    file = io.BytesIO()
    np.save(file, array)
    loaded = _core.npy_decode(file.getvalue())
    same(loaded, np.load(io.BytesIO(file.getvalue())))
    assert loaded.flags.f_contiguous == array.flags.f_contiguous or not array.flags.contiguous
    assert loaded.flags.writeable


@pytest.mark.parametrize("kind", [str, str.encode, lambda t: bytearray(t.encode()), lambda t: memoryview(t.encode())])
def test_text_comes_in_any_form(kind):
    same(_core.json_decode(kind("[[1, 2.5], [3, 4]]")), np.array([[1, 2.5], [3, 4]]))
    same(_core.csv_decode(kind("1,2\n3,4\n")), np.array([[1, 2], [3, 4]]))
    same(_core.csv_decode(kind("1,2\n3,4\n"), "f8"), np.array([[1.0, 2], [3, 4]]))
    same(_core.jsonlines_decode(kind("[1]\n[2]\n")), np.array([[1], [2]]))


def test_what_was_decoded_is_the_callers_own():
    array = _core.json_decode("[1, 2, 3]")
    assert array.flags.owndata
    array[0] = 7
    assert array.tolist() == [7, 2, 3]


@pytest.mark.parametrize("dtype", [float, "float64", "<f8", np.float64, np.dtype(float)])
def test_json_as_floats(dtype):
    same(_core.json_decode("[1, 2]", dtype), np.array([1.0, 2.0]))
    same(_core.json_decode("[true, 9007199254740993]", dtype), np.array([1, 9007199254740993], float))
    same(_core.jsonlines_decode("1\n2", dtype), np.array([1.0, 2.0]))


@pytest.mark.parametrize(
    "call",
    [
        lambda: _core.json_decode("{}"),
        lambda: _core.json_decode("[1,"),
        lambda: _core.json_decode('"\ud800"'),
        lambda: _core.json_decode("[1]", "i4"),
        lambda: _core.json_decode(b"\xff"),
        lambda: _core.json_encode([1, 2]),
        lambda: _core.json_encode(np.ma.array([1, 2], mask=[0, 1])),
        lambda: _core.json_encode(np.array(["a"])),
        lambda: _core.json_encode(np.array([None])),
        lambda: _core.json_encode(np.array([1j])),
        lambda: _core.json_encode(np.array(["2026-01-01"], "datetime64[D]")),
        lambda: _core.json_encode(np.arange(3, dtype=">i4")),
        lambda: _core.json_encode(np.zeros(1, [("a", "i4")])),
        lambda: _core.json_encode(np.zeros((1,) * 9)),
        lambda: _core.csv_decode("a,b\n"),
        lambda: _core.csv_decode("1,2\n3\n"),
        lambda: _core.csv_decode("1,2\n", "f4"),
        lambda: _core.csv_encode(np.zeros((1, 1, 1))),
        lambda: _core.csv_encode(["a", "b"]),
        lambda: _core.jsonlines_encode([[1]]),
        lambda: _core.npy_decode(b"no such file"),
        lambda: _core.npz_decode(b"no such file"),
        lambda: _core.recordio_decode(b"no records"),
        lambda: _core.recordio_encode([[1.0]]),
        lambda: _core.recordio_encode(np.array([[1 << 40]])),
        lambda: _core.recordio_encode(np.zeros((1, 2)), [1.0]),
        lambda: _core.recordio_encode(np.zeros((1, 2)), np.zeros(3)),
    ],
)
def test_what_it_leaves_to_others(call):
    with pytest.raises(_core.NotNativeError):
        call()


def test_not_native_is_a_value_error():
    assert issubclass(_core.NotNativeError, ValueError)
    assert _core.NotNativeError.__module__ == "berth._core"


@pytest.mark.parametrize("data", [None, 5, [1], object()])
def test_what_is_no_text(data):
    with pytest.raises(TypeError) as caught:
        _core.json_decode(data)
    name = type(data).__name__
    assert str(caught.value) == "expected str or bytes-like data, not %s" % name


def test_pickled_objects_are_refused():
    file = io.BytesIO()
    np.save(file, np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError) as caught:
        _core.npy_decode(file.getvalue())
    assert type(caught.value) is ValueError
    with pytest.raises(_core.NotNativeError):
        _core.npy_decode(file.getvalue(), allow_pickle=True)


def test_an_array_larger_than_memory_is_a_memory_error():
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846975,), }"
    file = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    with pytest.raises(ValueError):
        _core.npy_decode(file)


def test_npz():
    file = io.BytesIO()
    np.savez_compressed(file, a=np.arange(3), format=np.array("csr"), b=np.eye(2))
    found = _core.npz_decode(file.getvalue())
    assert list(found) == ["a", "format", "b"]
    same(found["a"], np.arange(3))
    same(found["b"], np.eye(2))
    assert found["format"] == "csr"


def record(payload):
    return struct.pack("<II", 0xCED7230A, len(payload)) + payload + b"\0" * (-len(payload) % 4)


def test_recordio():
    array = np.array([[1.5, 2.5]], "f4")
    tensor = b"\n\x08" + array.tobytes()
    value = b"\x12" + bytes([len(tensor)]) + tensor
    entry = b"\n\x06values\x12" + bytes([len(value)]) + value
    assert _core.recordio_encode(array) == record(b"\n" + bytes([len(entry)]) + entry)
    assert _core.recordio_encode(array[0]) == _core.recordio_encode(array)
    many = np.arange(12, dtype="i8").reshape(4, 3) - 5
    labels = np.array([1.0, 2, 3, 4])
    features, found = _core.recordio_decode(_core.recordio_encode(many, labels))
    same(features, many.astype("i4"))
    same(found, labels)
    assert _core.recordio_decode(_core.recordio_encode(many))[1] is None


def test_sparse_recordio():
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(np.array([[0, 1.5, 0], [0, 0, 0], [2.5, 0, 3]]))
    features, labels = _core.recordio_decode(_core.recordio_encode(matrix, np.array([1, 0, 1])))
    assert sparse.issparse(features)
    assert features.toarray().tolist() == matrix.toarray().tolist()
    assert labels.tolist() == [1, 0, 1]
    assert _core.recordio_encode(matrix.tocoo()) == _core.recordio_encode(matrix)
    broken = matrix.copy()
    broken.indices = np.array([0, 1, 99], "i4")
    with pytest.raises(ValueError, match="the sparse matrix has an element outside of its columns"):
        _core.recordio_encode(broken)


def test_arguments_are_not_kept():
    for call, argument in [
        (_core.json_decode, b"[1, 2, 3]" * 1),
        (_core.json_decode, b"[1, nope"),
        (_core.csv_encode, np.arange(4)),
        (_core.csv_encode, np.arange(16)[::2]),
        (_core.npy_decode, bytearray(b"nothing")),
        (_core.recordio_encode, np.ones((2, 2))),
    ]:
        before = sys.getrefcount(argument)
        for _ in range(10):
            try:
                call(argument)
            except ValueError:
                pass
        assert sys.getrefcount(argument) == before


BIG = np.random.default_rng(1).random((2000, 50))


@pytest.mark.parametrize(
    "call",
    [
        lambda text=json.dumps(BIG.tolist()): _core.json_decode(text),
        lambda: _core.csv_encode(BIG),
        lambda file=_core.recordio_encode(BIG): _core.recordio_decode(file),
    ],
    ids=["json_decode", "csv_encode", "recordio_decode"],
)
def test_other_threads_run_meanwhile(call):
    """With a switch interval that never passes, a thread only runs if the call lets it."""
    go, ran = threading.Event(), []
    thread = threading.Thread(target=lambda: (go.wait(), ran.append(True)))
    thread.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(10 * DEADLINE)
    try:
        go.set()
        end = time.monotonic() + DEADLINE
        while not ran and time.monotonic() < end:
            call()
    finally:
        sys.setswitchinterval(interval)
    assert ran
    thread.join()


def test_results_can_be_pickled():
    array = _core.json_decode("[1, 2]")
    same(pickle.loads(pickle.dumps(array)), array)
