"""Runs in a reference's own interpreter: answers a pickled list of (operation, argument, ...) on
stdin with a pickled list of ("array", ...), ("text", bytes) or ("error", message) on stdout.

Arrays travel as (dtype, shape, bytes in C order): the interpreters have different versions of numpy.
"""

import pickle
import sys
import warnings

import numpy as np
import scipy.sparse

PACKAGE = sys.argv[1]

if PACKAGE == "sagemaker_inference":
    from sagemaker_inference import content_types, decoder, encoder
else:
    from sagemaker_containers import _content_types as content_types
    from sagemaker_containers import _encoders as encoder
    from sagemaker_containers._encoders import array_to_recordio_protobuf

    decoder = encoder


def array(packed):
    """As sent by packed() or with order "F"."""
    dtype, shape, data, order = packed
    return np.asarray(np.frombuffer(data, dtype).reshape(shape), order=order)


def pack(value):
    if isinstance(value, str):
        return "text", value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes):
        return "text", value
    if not isinstance(value, np.ndarray):
        return "error", f"a {type(value).__name__}"
    if value.dtype.kind not in "biuf":
        return "error", f"an array of {value.dtype}"
    return "array", value.dtype.str, value.shape, value.tobytes()


def answer(operation, argument, *more):
    types = {"json": content_types.JSON, "csv": content_types.CSV, "npy": content_types.NPY}
    if operation == "recordio":
        labels = array(more[0]) if more and more[0] else None
        return array_to_recordio_protobuf(array(argument), labels)
    if operation == "sparse_recordio":
        data, indices, indptr, shape = argument
        labels = array(more[0]) if more and more[0] else None
        matrix = scipy.sparse.csr_matrix((array(data), array(indices), array(indptr)), shape)
        return array_to_recordio_protobuf(matrix, labels)
    verb, _, kind = operation.partition("_")
    if verb == "decode":
        return decoder.decode(argument, types[kind])
    return encoder.encode(array(argument), types[kind])


warnings.simplefilter("ignore")
answers = []
for case in pickle.load(sys.stdin.buffer):
    try:
        answers.append(pack(answer(*case)))
    except Exception as e:
        answers.append(("error", f"{type(e).__name__}: {e}"[:300]))
pickle.dump(answers, sys.stdout.buffer)
