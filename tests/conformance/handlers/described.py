"""What the default decode made of a body, as exactly as it can be told."""

import numpy as np


def model_fn(model_dir):
    return None


def predict_fn(data, model):
    if not isinstance(data, np.ndarray):
        return {"type": type(data).__name__, "value": repr(data.toarray().tolist()) if hasattr(data, "toarray") else ""}
    return {
        "dtype": data.dtype.str if data.dtype.names is None else str(data.dtype),
        "shape": data.shape,
        "fortran": data.flags.f_contiguous,
        "contiguous": data.flags.c_contiguous,
        "aligned": data.flags.aligned,
        "value": repr(data.tolist()),
    }
