"""What the codecs decode and encode is what numpy and the reference servers make of the same.

A codec may leave an input to them (ENOTSUP); what it takes must be equal to the last bit, and what
models are usually asked with it must take.
"""

import errno
import io
import json
import os
import pickle
import subprocess

import numpy as np
import pytest
import scipy.sparse
from codec_inputs import Arrays, Texts
from codec_tool import Tool
from interpreters import interpreter

REFERENCE = os.path.join(os.path.dirname(__file__), "codec_reference.py")
NUMBERS = ["b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]


@pytest.fixture(scope="module")
def tool():
    tool = Tool()
    yield tool
    tool.close()


def answers_of(package, cases):
    done = subprocess.run(
        [interpreter("venv-" + package.replace("_", "-")), REFERENCE, package],
        input=pickle.dumps(cases),
        stdout=subprocess.PIPE,
        # sagemaker-containers was generated for a protobuf of long ago.
        env={"PATH": os.environ["PATH"], "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"},
        check=True,
        timeout=600,
    )
    return pickle.loads(done.stdout)


def packed(array):
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    return array.dtype.str, array.shape, array.tobytes(), order


def compare_decoders(tool, operation, package, reference_operation, cases, prepare=None):
    theirs = answers_of(package, [(reference_operation, prepare(t) if prepare else t) for t, _ in cases])
    found, taken = [], 0
    for (text, plain), their in zip(cases, theirs, strict=True):
        error, arrays, _, _ = tool.run(operation, text if isinstance(text, bytes) else text.encode())
        if error:
            if error != errno.ENOTSUP or (plain and their[0] == "array"):
                found.append(f"{text!a}: errno {error}, theirs {their[:3]}")
            continue
        taken += 1
        our = "array", arrays[0].dtype.str, arrays[0].shape, arrays[0].tobytes()
        if our != their:
            found.append(f"{text!a}: {our} {their}")
    print(f"{taken} of {len(cases)} taken, {len(found)} differences")
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:20])
    assert taken > len(cases) / 3


@pytest.mark.parametrize("package", ["sagemaker_inference", "sagemaker_containers"])
def test_json_is_decoded_as_numpy_does(tool, seed, count, package):
    texts = Texts(seed)
    compare_decoders(tool, "decode_json", package, "decode_json", [texts.json() for _ in range(count)])


def test_json_lines_are_rows(tool, seed, count):
    texts, found = Texts(seed), []
    for _ in range(count):
        shape, kinds = texts.shape(2), texts.random.choice([["integer"], ["real"], ["bool", "real"]])
        lines = [texts.json_of(shape, kinds).replace("\n", " ") for _ in range(texts.random.randrange(1, 5))]
        text = texts.random.choice(["\n", "\r\n", "\n\n"]).join(lines) + texts.random.choice(["", "\n"])
        error, arrays, _, _ = tool.run("decode_jsonlines", text.encode())
        wanted = np.array([json.loads(line) for line in lines])
        if error or arrays[0].dtype != wanted.dtype or not np.array_equal(arrays[0], wanted):
            found.append(f"{text!a}: {error} {arrays} {wanted}")
    assert not found, "\n".join(found[:20])


def test_csv_is_decoded_as_genfromtxt_does(tool, seed, count):
    texts = Texts(seed)
    compare_decoders(tool, "decode_csv", "sagemaker_inference", "decode_csv", [texts.csv() for _ in range(count)])


def test_csv_is_decoded_as_sagemaker_containers_does(tool, seed, count):
    texts = Texts(seed)
    cases = [texts.csv() for _ in range(count)]
    compare_decoders(tool, "decode_csv_as_floats", "sagemaker_containers", "decode_csv", cases)


def compare_encoders(tool, operation, package, cases, reference_operation=None):
    theirs = answers_of(package, [(reference_operation or operation, *[packed(each) if each is not None else None for each in case]) for case in cases])
    found, taken = [], 0
    for case, their in zip(cases, theirs, strict=True):
        error, _, text, _ = tool.run(operation, *[each for each in case if each is not None])
        if error:
            if error != errno.ENOTSUP or their[0] == "text":
                found.append(f"{case!a}: errno {error} {text}, theirs {their}")
            continue
        taken += 1
        if ("text", text) != their:
            found.append(f"{case!a}: {text} {their}")
    print(f"{taken} of {len(cases)} taken, {len(found)} differences")
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:20])
    assert taken > len(cases) / 3


@pytest.mark.parametrize("package", ["sagemaker_inference", "sagemaker_containers"])
@pytest.mark.parametrize("kind", ["json", "csv", "npy"])
def test_arrays_are_encoded_as_the_reference_does(tool, seed, count, package, kind):
    arrays = Arrays(seed)
    # Of more dimensions sagemaker-containers' csv.writer writes numpy's text of whole subarrays.
    shapes = (1, 2) if kind == "csv" else (0, 4)
    cases = [(arrays.of(arrays.random.choice(NUMBERS), arrays.shape(*shapes)),) for _ in range(count)]
    # Both environments have a numpy before 2.3, which changed the text of float32
    # (src/core/float_text_test.cc has what came then).
    compare_encoders(tool, f"encode_{kind}", package, cases, f"encode_{kind}")


def test_csv_of_no_or_three_dimensions_is_left_to_numpy(tool):
    for shape in [(), (1, 1, 1)]:
        assert tool.run("encode_csv", np.zeros(shape))[0] == errno.ENOTSUP


def test_every_half_is_written_as_numpy_writes_it(tool):
    halves = np.arange(65536, dtype="u2").view("f2")
    assert tool.run("encode_csv", halves)[2].decode().split() == [str(each) for each in halves]
    assert tool.run("encode_json", halves)[2].decode() == json.dumps(halves.tolist())


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_floats_of_any_bits_are_written_as_numpy_writes_them(tool, seed, dtype):
    r = np.random.default_rng(seed)
    size = np.dtype(dtype).itemsize
    exponents = np.arange(-45 if size == 4 else -323, 38 if size == 4 else 308)
    powers = np.concatenate([10.0**exponents, 2.0 ** np.arange(-148, 127)]).astype(dtype)
    neighbours = [np.nextafter(powers, np.array(to, dtype)) for to in (-np.inf, np.inf)]
    numbers = np.concatenate([np.frombuffer(r.bytes(50_000 * size), dtype), powers, *neighbours])
    found = [
        f"{each!r}: {line}"
        for each, line in zip(numbers, tool.run("encode_csv", numbers)[2].decode().split(), strict=True)
        if line != str(each)
    ]
    assert not found, f"{len(found)}: {found[:20]}"
    assert tool.run("encode_json", numbers)[2].decode() == json.dumps(numbers.tolist())


def test_npy_is_read_as_numpy_saves_it(tool, seed, count):
    arrays, found = Arrays(seed), []
    for n in range(count):
        array = arrays.of(arrays.random.choice(NUMBERS), arrays.shape(0, 4))
        file = io.BytesIO()
        np.lib.format.write_array(file, array, version=[(1, 0), (2, 0), (3, 0)][n % 3])
        error, results, _, _ = tool.run("decode_npy", file.getvalue())
        if error or results[0].dtype != array.dtype or results[0].shape != array.shape or results[0].tobytes() != array.tobytes():
            found.append(f"{file.getvalue()}: {error} {results}")
    assert not found, "\n".join(found[:20])


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def test_pickles_are_refused_and_odd_types_are_left_to_numpy(tool):
    assert tool.run("decode_npy", saved(np.array([{}, []], object)))[0] == errno.EPERM
    whole = saved(np.arange(9.0))
    odd = [np.arange(3, dtype=">i4"), np.array(["a"]), np.array([b"a"]), np.zeros(2, "i4,f8"), np.zeros(2, "c16"), np.zeros(2, "M8[s]")]
    for data in [*map(saved, odd), whole[:-1], whole[:40], whole[:9], b"", b"\x93NUMPY", pickle.dumps([1])]:
        assert tool.run("decode_npy", data)[0] == errno.ENOTSUP, data
    assert tool.run("decode_npy", whole + b"more")[0] == 0


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia"])
def test_sparse_matrices_are_read_as_scipy_saves_them(tool, seed, form, compressed):
    for n in range(20):
        matrix = scipy.sparse.random(n + 1, 7, 0.3, format=form, random_state=(seed + n) % 2**32, dtype=["f8", "f4"][n % 2])
        file = io.BytesIO()
        scipy.sparse.save_npz(file, matrix, compressed)
        error, arrays, text, _ = tool.run("decode_sparse", file.getvalue())
        assert (error, text) == (0, form.encode()), text
        shape, data, *rest = arrays
        if form == "coo":
            again = scipy.sparse.coo_matrix((data, tuple(rest)), tuple(shape))
        elif form == "dia":
            again = scipy.sparse.dia_matrix((data, *rest), tuple(shape))
        else:
            again = getattr(scipy.sparse, f"{form}_matrix")((data, *rest), tuple(shape))
        assert again.dtype == matrix.dtype
        assert (again != matrix).nnz == 0


def test_a_zip_bomb_is_refused(tool):
    file = io.BytesIO()
    np.savez_compressed(file, data=np.zeros(2**25))  # 256 MiB
    assert tool.run("decode_sparse", file.getvalue())[0] == errno.E2BIG
    file = io.BytesIO()
    np.savez_compressed(file, data=np.zeros(2**20))
    assert tool.run("decode_sparse", file.getvalue())[0] == errno.ENOTSUP  # no sparse matrix


def quiet(array):
    """Python's floats, which the original goes through, know no signalling NaN."""
    return np.where(np.isnan(array), np.nan, array).astype(array.dtype) if array.dtype.kind == "f" else array


def dense_records(arrays):
    dtype = arrays.random.choice(["f4", "f8", "i8"])
    rows, columns = arrays.random.integers(1, 5, 2)
    shape = (columns,) if arrays.random.random() < 0.2 else (rows, columns if arrays.random.random() < 0.9 else 0)
    array = quiet(arrays.of(dtype, shape))
    if dtype == "i8" and arrays.random.random() < 0.8:
        array = array % 2**32 - 2**31
    labels = None
    if arrays.random.random() < 0.5:
        labels = quiet(arrays.of(arrays.random.choice(["f4", "f8"]), (1 if array.ndim == 1 else rows,)))
    return array, labels


def test_recordio_is_written_as_sagemaker_containers_does(tool, seed, count):
    arrays = Arrays(seed)
    compare_encoders(tool, "recordio", "sagemaker_containers", [dense_records(arrays) for _ in range(count // 4)])


def test_recordio_is_read_back(tool, seed, count):
    arrays = Arrays(seed)
    for _ in range(count // 4):
        array, labels = dense_records(arrays)
        error, _, text, _ = tool.run("recordio", array, *([labels] if labels is not None else []))
        if error:
            continue
        error, results, _, _ = tool.run("decode_recordio", text)
        assert error == 0
        wanted = np.atleast_2d(array).astype("i4") if array.dtype == "i8" else np.atleast_2d(array)
        for result, want in zip(results, [wanted] + ([labels] if labels is not None else []), strict=True):
            assert result.dtype == want.dtype and result.shape == want.shape and result.tobytes() == want.tobytes()


def test_sparse_recordio_is_written_as_sagemaker_containers_does_and_read_back(tool, seed):
    matrices = [scipy.sparse.random(n % 5 + 1, n % 9 + 1, 0.3, "csr", dtype=["f8", "f4"][n % 2], random_state=(seed + n) % 2**32) for n in range(60)]
    cases = []
    for n, m in enumerate(matrices):
        labels = np.arange(m.shape[0], dtype="f4") if n % 3 == 0 else None
        cases.append(((m.data, m.indices, m.indptr, m.shape), labels))
    theirs = answers_of(
        "sagemaker_containers",
        [("sparse_recordio", (*map(packed, m[:3]), m[3]), packed(labels) if labels is not None else None) for m, labels in cases],
    )
    for matrix, (m, labels), their in zip(matrices, cases, theirs, strict=True):
        shape = np.array(m[3], "i8")
        error, _, text, _ = tool.run("sparse_recordio", *m[:3], shape, *([labels] if labels is not None else []))
        assert (error, ("text", text)) == (0, their)
        error, (data, indices, indptr, shape, *rest), _, _ = tool.run("decode_recordio", text)
        again = scipy.sparse.csr_matrix((data, indices, indptr), tuple(shape))
        assert again.dtype == matrix.dtype and (again != matrix).nnz == 0
        assert [each.tobytes() for each in rest] == ([labels.tobytes()] if labels is not None else [])
