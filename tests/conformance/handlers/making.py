"""What the handlers of the conformance tests return or raise, as a request's body asks for it."""

import numpy as np

try:
    from sagemaker_inference.errors import BaseInferenceToolkitError
except ImportError:  # as an image has it whose handler brings its own

    class BaseInferenceToolkitError(Exception):
        def __init__(self, status_code, message, phrase):
            self.status_code = status_code
            self.message = message
            self.phrase = phrase
            super().__init__(status_code, message, phrase)


class StatusError(Exception):
    """A framework's error: no relation of the toolkit's, but with a status."""

    def __init__(self, status_code, text):
        super().__init__(text)
        self.status_code = status_code


def array(dtype, shape, seed, layout):
    random = np.random.default_rng(seed)
    kind = np.dtype(dtype).kind
    if kind == "b":
        made = random.integers(0, 2, shape).astype(dtype)
    elif kind in "iu":
        limits = np.iinfo(dtype)
        made = random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        if seed % 3:
            made = made % np.array(100, dtype)
    elif kind == "f":
        made = random.normal(size=shape) * 10.0 ** random.integers(-9, 20, shape) ** (seed % 3)
        odd = random.choice([np.nan, np.inf, -np.inf, -0.0, 1.0, 1e16, 1e-5, 1e22, 0.1], shape)
        with np.errstate(over="ignore"):
            made = np.where(random.random(shape) < 0.2, odd, made).astype(dtype)
    elif kind == "c":
        made = (random.normal(size=shape) + 1j).astype(dtype)
    else:
        made = random.choice(["a", "b,c", 'd"e', "é\n", ""], shape).astype(dtype)
    made = np.asarray(made)
    if layout == "F":
        made = np.asfortranarray(made)
    elif layout == "strided" and made.ndim:
        made = np.repeat(made, 2, -1)[..., ::2]
    elif layout == "reversed" and made.ndim:
        made = made[::-1]
    elif layout == "swapped":
        made = made.astype(made.dtype.newbyteorder())
    return made


def made(spec):
    kind, *rest = spec
    if kind == "array":
        return array(*rest)
    if kind == "scalar":
        return array(rest[0], (1,), rest[1], "C")[0]
    if kind == "value":
        return rest[0]
    if kind == "tuple":
        return tuple(made(each) for each in rest)
    if kind == "list":
        return [made(each) for each in rest]
    if kind == "dict":
        return {str(key): made(each) for key, each in enumerate(rest)}
    if kind == "sparse":
        import scipy.sparse  # it takes longer to load than all else

        return scipy.sparse.random(3, 4, 0.5, rest[0], random_state=1)
    if kind == "masked":
        return np.ma.masked_array([1.5, 2.5, 3.5], [0, 1, 0])
    if kind == "matrix":
        return np.matrix([[1, 2], [3, 4]])
    return {
        "bytes": rest[0].encode,
        "bytearray": lambda: bytearray(rest[0].encode()),
        "memoryview": lambda: memoryview(rest[0].encode()),
        "set": lambda: {1},
        "object": object,
        "range": lambda: range(3),
    }[kind]()


def check(spec, place):
    """Raises what `spec` has for this place."""
    if spec.get("at") != place:
        return
    name, text, status = spec["raise"]
    raise {
        "ValueError": lambda: ValueError(text),
        "KeyError": lambda: KeyError(text),
        "bare": ValueError,
        "MemoryError": lambda: MemoryError(text),
        "StatusError": lambda: StatusError(status, text),
        "toolkit": lambda: BaseInferenceToolkitError(status, text, "phrase"),
    }[name]()
