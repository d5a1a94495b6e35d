"""What is asked of an original package and of ours: pairs of a label and a function, from a seed.

Runs in the originals' interpreters: the standard library, NumPy, SciPy and the package only.
"""

import collections
import importlib
import io
import os
import pathlib
import random
import re
import sys

import numpy as np
import scipy.sparse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))

from codec_inputs import Arrays, Texts  # noqa: E402

NUMBERS = "b1 i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8".split()


class Shown:
    """An object that is known by its text."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text

    def __repr__(self):
        return "Shown(%r)" % self.text


def packed(value):
    """A text that is equal where the values are, to the last bit."""
    return without_addresses(_packed(value))


def without_addresses(text):
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def _packed(value):
    if isinstance(value, np.ndarray):
        # An extended float has bytes that belong to no number.
        plain = not value.dtype.hasobject and "f16" not in repr(value.dtype.descr)
        data = value.tobytes().hex() if plain else repr(value.tolist())
        writable = "" if value.flags.writeable else " read-only"
        return "array %s %s %s%s" % (value.dtype.descr, value.shape, data, writable)
    if scipy.sparse.issparse(value):
        return "%s %s" % (type(value).__name__, _packed(value.toarray()))
    if isinstance(value, BaseException):
        names = [each.__name__ for each in type(value).__mro__ if each is not object]
        return "raises %s: %s" % (" < ".join(names), value)
    if isinstance(value, collections.abc.Mapping):
        name = "dict" if isinstance(value, dict) else "mapping"
        members = sorted("%r: %s" % (key, _packed(value[key])) for key in value)
        return "%s {%s}" % (name, ", ".join(members))
    if isinstance(value, (list, tuple)):
        return "%s(%s)" % (type(value).__name__, ", ".join(map(_packed, value)))
    if isinstance(value, (set, frozenset)):
        return "set(%s)" % ", ".join(sorted(map(_packed, value)))
    return "%s %r" % (type(value).__name__, value)


class Modules:
    """The modules of a package by their public names, imported when they are asked for."""

    def __init__(self, package):
        self.prefix = package
        if package == "sagemaker_containers":
            self.prefix = "sagemaker_containers.beta.framework"

    def __getattr__(self, name):
        try:
            return importlib.import_module("%s.%s" % (self.prefix, name))
        except ModuleNotFoundError:
            return getattr(importlib.import_module(self.prefix), name)


def cases(package, seed, count, folder, only=""):
    """`folder`: an empty one for files, the same path for both; `only`: one of the sections."""
    for section in SECTIONS[package]:
        if only in ("", section.__name__):
            yield from section(Modules(package), random.Random(seed), seed, count, folder)


def call(function, *arguments, **named):
    label = "%s(%s)" % (
        function.__name__,
        ", ".join([*map(repr, arguments), *("%s=%r" % pair for pair in named.items())]),
    )
    return without_addresses(label)[:400], lambda: function(*arguments, **named)


def saved(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def saved_sparse(matrix):
    stream = io.BytesIO()
    scipy.sparse.save_npz(stream, matrix)
    return stream.getvalue()


# --- encoders and decoders

ODD_VALUES = [
    None,
    True,
    7,
    -1.5,
    float("nan"),
    "text",
    "é\ud800",
    b"bytes",
    [],
    [[]],
    [1, 2.5, True],
    [1, "a", None],
    [[1, 2], [3]],
    [[1, 2], [3, 4.5]],
    ["a,b", 'c"d', "e\nf", ""],
    [["a", "b,c"], ["d", "e"]],
    [None, 1],
    {"a": [1, 2]},
    {"a": np.arange(3)},
    {1, 2},
    [{1}],
    (1, 2),
    np.float32(0.1),
    np.float64(1e300),
    np.int64(-5),
    np.bool_(True),
    np.array("text"),
    np.array(["a", "b,c"]),
    np.array([["x", "1"]]),
    np.array([b"a", b"b"]),
    np.array([1, None], object),
    np.array([1 + 2j, 3]),
    np.array(["2020-01-01"], "M8[D]"),
    np.zeros(2, [("a", "i4"), ("b", "f8")]),
    np.arange(4, dtype=">i4"),
    np.arange(4, dtype=">f8"),
    np.ma.masked_array([1.0, 2.0], [True, False]),
    np.arange(12.0)[::2],
    np.arange(12.0).reshape(3, 4)[:, ::2],
    np.arange(6.0).reshape(2, 3)[::-1],
    np.zeros((0, 3)),
    np.zeros((3, 0)),
    np.zeros((2, 1, 2)),
    scipy.sparse.csr_matrix([[0, 1.5], [2, 0]]),
    Shown("x"),
    [Shown("x")],
]

ODD_JSON = [
    "",
    " ",
    "null",
    '"a"',
    "{}",
    '{"a": [1]}',
    '["a", "b"]',
    '[1, "a", null]',
    "[[1, 2], [3]]",
    "[1, 2",
    "\ufeff[1]",
    "[NaN, Infinity, -Infinity]",
    "[1e400]",
    "[18446744073709551615, 1]",
    "[18446744073709551616]",
    '"\ud800"',
    b"[1, 2]",
    b"\xff",
    "[1]".encode("utf-16"),
    bytearray(b"[1.5]"),
    memoryview(b"[1]"),
    None,
    5,
]

ODD_CSV = ["", "\n", "a", "a,b\nc,d", "1,a", '"1","2"', '"1', "1,2\n3", "#1", "nan,1", "1,,2", None, 5, b"1,2"]
ODD_CSV += ["1\r\n2", "1\r2", "é,1", "\0", "1,2\n\n3,4", "-0,1", " 1 , 2 ", "1_0", "0x1", "1e999", "\ud800"]


def decoding(decode, names, seed, count, types):
    """decode() by type, and the function for each type by its name; names: of JSON and CSV."""
    texts = Texts(seed)
    json_to_numpy, csv_to_numpy = names
    dtypes = [None, None, None, "float64", float, "float32", int, "int32", str, "no type"]
    for text in [*ODD_JSON, *(texts.json()[0] for _ in range(count))]:
        yield call(decode, text, types.JSON)
        yield call(json_to_numpy, text, texts.random.choice(dtypes))
    for text in [*ODD_CSV, *(texts.csv()[0] for _ in range(count))]:
        yield call(decode, text, types.CSV)
        yield call(csv_to_numpy, text, texts.random.choice(dtypes))
    arrays = Arrays(seed)
    for _ in range(count // 4):
        array = arrays.of(arrays.random.choice(NUMBERS), arrays.shape(0, 4))
        yield call(decode, saved(array), types.NPY)
    for value in ODD_VALUES:
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            yield call(decode, saved(value), types.NPY)
    whole = saved(np.arange(9.0))
    for data in (whole[:-1], whole[:40], whole + b"more", "text", None):
        yield call(decode, data, types.NPY)
    for content_type in ("text/plain", "TEXT/CSV", "text/csv; charset=utf-8", "", None, ("a", "b"), []):
        yield call(decode, "1,2", content_type)


def encoding(encode, seed, count, types):
    arrays = Arrays(seed)
    for _ in range(count):
        array = arrays.of(arrays.random.choice(NUMBERS), arrays.shape(0, 3))
        for content_type in (types.JSON, types.CSV, types.NPY):
            yield call(encode, array, content_type)
    for value in ODD_VALUES:
        for content_type in (types.JSON, types.CSV, types.NPY):
            yield call(encode, value, content_type)
    for content_type in ("text/plain", types.ANY, "", None):
        yield call(encode, [1], content_type)


def quiet(array):
    """Python's floats, which the original goes through, know no signalling NaN."""
    if array.dtype.kind == "f":
        return np.where(np.isnan(array), np.nan, array).astype(array.dtype)
    return array


def records(write, seed, count):
    arrays = Arrays(seed)
    r = arrays.random
    for _ in range(count // 2):
        dtype = r.choice(["f4", "f8", "i8"])
        rows, columns = (int(n) for n in r.integers(1, 5, 2))
        shape = (columns,) if r.random() < 0.2 else (rows, columns if r.random() < 0.9 else 0)
        array = quiet(arrays.of(dtype, shape))
        if dtype == "i8" and r.random() < 0.8:
            array = array % 2**32 - 2**31
        labels = None
        if r.random() < 0.6:
            length = int(r.choice([1 if array.ndim == 1 else rows, rows, columns, 1]))
            labels = quiet(arrays.of(r.choice(["f4", "f8", "i8", "i8", "i4"]), (length,)))
            if labels.dtype.kind == "i" and r.random() < 0.8:
                labels = labels % 1000
        yield call(write, array, labels)
        if array.ndim == 2 and array.size:
            thin = np.where(r.random(array.shape) < 0.4, array, 0)
            form = r.choice(["csr", "csc", "coo", "lil", "dok"])
            yield call(write, getattr(scipy.sparse, form + "_matrix")(thin), labels)
    two = np.arange(6.0).reshape(2, 3)
    for odd in ODD_VALUES:
        if isinstance(odd, np.ma.MaskedArray):  # the original warns: tests/python/test_encoders.py
            continue
        yield call(write, odd)
        yield call(write, two, odd)
    for dtype in NUMBERS:
        yield call(write, np.arange(4).astype(dtype))
    for value in (2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**62):
        yield call(write, np.array([[1, value]]))
        yield call(write, two, np.array([1, value]))
        yield call(write, scipy.sparse.csr_matrix([[0, value]]))


# --- sagemaker_inference

ACCEPTS = ["application/json", "text/csv, */*", " a ; q=1,b ", "", ",", "application/x-npy,text/csv"]
HEADERS = ["Content-Type", "content-type", "ContentType", "contenttype", "Contenttype", "CONTENT-TYPE"]


def words(r):
    alphabet = "abz AZ09-_=:/.\"'\\\r\n\t,{}é\u20ac"
    return "".join(r.choice(alphabet) for _ in range(r.randrange(9)))


def with_variables(variables, function):
    """As if the process had been started with these."""

    def run():
        kept = dict(os.environ)
        os.environ.update(variables)
        try:
            return function()
        finally:
            os.environ.clear()
            os.environ.update(kept)

    return "%s with %r" % (getattr(function, "__name__", ""), variables), run


def properties(cls):
    def read():
        made = cls()
        names = [name for name in dir(cls) if isinstance(getattr(cls, name), property)]
        answers = {}
        for name in names:
            try:
                answers[name] = getattr(made, name)
            except Exception as error:
                answers[name] = error
        return answers

    read.__name__ = cls.__name__
    return read


def serving_variables(r, names):
    values = ["", "0", "1", "60", "-5", " 7 ", "x", "1.5", "true", "False", "text/csv", "a.py", "m:app", "1-9"]
    return {name: r.choice(values) for name in names if r.random() < 0.4}


def inference_codecs(modules, r, seed, count, folder):
    decoder, encoder, content_types = modules.decoder, modules.encoder, modules.content_types
    by_type = [decoder._decoder_map[each] for each in (content_types.JSON, content_types.CSV)]
    yield from decoding(decoder.decode, by_type, seed, count, content_types)
    for n in range(20):
        matrix = scipy.sparse.random(n + 1, 7, 0.3, "csr", random_state=seed % 2**32)
        yield call(decoder.decode, saved_sparse(matrix), content_types.NPZ)
    yield call(decoder.decode, b"no zip", content_types.NPZ)
    yield from encoding(encoder.encode, seed, count, content_types)


def inference_utils(modules, r, seed, count, folder):
    utils = modules.utils
    for text in [*ACCEPTS, *(words(r) for _ in range(50))]:
        yield call(utils.parse_accept, text)
        yield call(utils.remove_crlf, text)
    for _ in range(50):
        names = r.sample(HEADERS + ["Accept", "X-" + words(r)], 3)
        yield call(utils.retrieve_content_type_header, {name: words(r) for name in names})
    yield call(utils.write_file, str(folder / "a"), "text\n")
    yield call(utils.write_file, str(folder / "a"), b"more", "ab")
    yield call(utils.read_file, str(folder / "a"))
    yield call(utils.read_file, str(folder / "a"), "rb")
    yield call(utils.read_file, str(folder / "missing"))


def inference_errors(modules, r, seed, count, folder):
    errors = modules.errors
    for _ in range(5):
        yield call(errors.UnsupportedFormatError, words(r))
    for _ in range(20):
        arguments = r.choice([400, 500, None]), r.choice([None, "", words(r)]), r.choice([None, "", words(r)])
        yield call(errors.BaseInferenceToolkitError, *arguments)
        for n in (1, 2, 3):
            yield call(errors.GenericInferenceToolkitError, *arguments[:n])
            error = errors.GenericInferenceToolkitError(*arguments[:n])
            yield "its attributes %r" % (arguments[:n],), lambda e=error: (e.status_code, e.message, e.phrase, e.args)


def default_handler(modules, r, seed, count, folder):
    handler = modules.default_inference_handler.DefaultInferenceHandler()
    for name, arguments in [
        ("default_model_fn", ("/m",)),
        ("default_predict_fn", (1, 2)),
        ("default_input_fn", ("[1]", "application/json")),
        ("default_input_fn", ("[1]", "application/json", None)),
        ("default_input_fn", ("[1]", "text/x")),
        *(("default_output_fn", ([1.5, 2], accept)) for accept in ACCEPTS),
    ]:
        function = getattr(handler, name)
        yield "%s%r" % (name, arguments), lambda f=function, a=arguments: f(*a)


def inference_environment(modules, r, seed, count, folder):
    parameters, logging, model_server = modules.parameters, modules.logging, modules.model_server
    names = [value for name, value in sorted(vars(parameters).items()) if name.isupper()]
    for _ in range(count // 4):
        yield with_variables(serving_variables(r, names), properties(modules.environment.Environment))

    yield "the logger", lambda: logging.get_logger().name
    yield "its handlers", lambda: [
        (type(each).__name__, each.formatter._fmt) for each in logging.get_logger().handlers
    ]
    yield "multi-model", lambda: model_server.ENABLE_MULTI_MODEL


class Processor:
    """The headers of a request, and what is set for its answer, as multi-model-server has them."""

    def __init__(self, headers):
        self.headers = headers

    def get_request_properties(self):
        return self.headers


class Context:
    def __init__(self, headers):
        self.system_properties = {"model_dir": "/model"}
        self.request_processor = [Processor(headers)]
        self.told = []

    def set_response_content_type(self, idx, value):
        self.told.append((idx, value))

    def set_response_status(self, code=200, phrase="", idx=0):
        self.told.append((idx, code, phrase))


HANDLERS = {
    "nothing": "",
    "plain": "def model_fn(d): return d\ndef predict_fn(data, model): return data * 2\n",
    "context": "def model_fn(d, context): return d\n"
    "def input_fn(data, kind, context): return [data, kind]\n"
    "def predict_fn(data, model, context): return [data, model]\n"
    "def output_fn(p, accept, context): return repr(p) + accept\n",
    "whole": "def model_fn(d): return d\n"
    "def transform_fn(model, data, kind, accept): return repr((model, data, kind, accept)), 'x/y'\n",
    "both": "def model_fn(d): return d\ndef transform_fn(a, b, c, d): pass\ndef predict_fn(a, b): pass\n",
    "warm": "seen = []\ndef pre_model_fn(d): seen.append(d)\ndef model_fn(d): return seen\n"
    "def model_warmup_fn(d, model): model.append('warm')\n"
    "def predict_fn(data, model): return model\n",
    "few": "def model_fn(): return 1\n",
    "many": "def model_fn(d): return 1\ndef predict_fn(a, b, c, d): return 1\n",
    "failing": "def model_fn(d): return 1\ndef predict_fn(a, b): raise ValueError('no\\r\\nway')\n",
    "silent": "def model_fn(d): return 1\ndef predict_fn(a, b): raise ValueError()\n",
    "own": "from sagemaker_inference.errors import *\ndef model_fn(d): return 1\n"
    "def predict_fn(a, b): raise BaseInferenceToolkitError(418, 'tea', 'a\\rpot')\n",
    "one": "def model_fn(d): return 1\ndef output_fn(p, a): return (p,)\ndef predict_fn(a, b): return 'x'\n",
    "broken": "import nothing_of_the_kind\n",
}


def transforming(modules, r, seed, count, folder):
    """Handlers of all kinds behind a Transformer and behind a service."""
    transformer, service = modules.transformer, modules.default_handler_service
    requests = [
        ({"Content-Type": "application/json", "Accept": "application/json"}, b"[1, 2]"),
        ({"content-type": "text/csv", "accept": "text/csv"}, b"1,2\n3,4"),
        ({"ContentType": "application/x-npy", "Accept": "*/*"}, saved(np.arange(3))),
        ({"Content-Type": "application/json", "Accept": "x/y, text/csv"}, b"[1, 2]"),
        ({"Content-Type": "x/y"}, b"\xff"),
        ({}, b"[1]"),
        ({"Content-Type": "application/json"}, b"\xff"),
        ({"Content-Type": "application/json"}, b"no json"),
    ]
    folder = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]) / "handlers"
    folder.mkdir(parents=True)
    sys.path.insert(0, str(folder))
    for name, text in HANDLERS.items():
        (folder / ("handler_%s.py" % name)).write_text(text)

    def answer(name, headers, body, wrapped):
        made = transformer.Transformer()
        context = Context(headers)
        os.environ["SAGEMAKER_PROGRAM"] = "handler_%s.py" % name
        if wrapped:
            made = service.DefaultHandlerService(made)
            made.initialize(context)
            results = made.handle([{"body": body}], context)
        else:
            results = made.transform([{"body": body}], context)
        # Of a failure: the message, and the traceback's last line.
        if isinstance(results[0], str) and "Traceback" in results[0]:
            lines = results[0].strip().split("\n")
            results = [lines[0], lines[-1]]
        return results, context.told, os.environ.get("PYTHONPATH", "").partition(":")[0] if wrapped else None

    for name in [*HANDLERS, "missing"]:
        for headers, body in requests:
            for wrapped in (False, True):
                arguments = name, headers, body, wrapped
                run = with_variables({}, lambda arguments=arguments: answer(*arguments))[1]
                yield "handler_%s, %r, %r, in a service: %s" % arguments, run

    def empty():
        os.environ["SAGEMAKER_PROGRAM"] = "handler_plain.py"
        return transformer.Transformer().transform([], Context({}))

    yield "an empty batch", with_variables({}, empty)[1]
    error = modules.errors.GenericInferenceToolkitError(500, "message", "a\nb")
    yield "handle_error", lambda: transformer.Transformer.handle_error(Context({}), error, "trace")


# --- sagemaker_training and sagemaker_containers


def objects(r, depth=2):
    kind = r.randrange(12 if depth else 9)
    if kind == 0:
        return None
    if kind == 1:
        return r.choice([True, False])
    if kind == 2:
        return r.randrange(-1000, 1000) * r.choice([1, 10**20])
    if kind == 3:
        return r.choice([0.1, -0.0, 1e16, 1e-7, 5e-324, float("nan"), float("inf"), r.random()])
    if kind == 4:
        return words(r).encode("utf-8")
    if kind == 5:
        return r.choice([Shown("s"), {1}, np.float64(0.5), np.int64(3), (1, "a"), b"\xff", "é\ud800"])
    if kind < 9:
        return words(r)
    if kind == 9:
        return [objects(r, depth - 1) for _ in range(r.randrange(4))]
    return {words(r): objects(r, depth - 1) for _ in range(r.randrange(4))}


def mappings(modules, r, seed, count, folder):
    mapping = modules.mapping
    odd_keys = [None, 5, b"k\xff", "", "x", True, ("t",), "model-dir"]
    for _ in range(count):
        keys = [words(r) or "k" for _ in range(r.randrange(5))]
        if r.random() < 0.1:
            keys.append(r.choice(odd_keys))
        plain = {key: objects(r) for key in keys}
        yield call(mapping.to_env_vars, plain)
        yield call(mapping.to_cmd_args, plain)
        some = r.sample(list(plain), min(len(plain), 2)) + ["other"]
        yield call(mapping.split_by_criteria, plain, some)
        yield call(mapping.split_by_criteria, plain, keys=r.choice([None, [], set(some)]), prefix=words(r)[:1])
    for odd in ([], None, {"a"}, {1: 2, "b": 3}):
        yield call(mapping.to_env_vars, odd)
        yield call(mapping.to_cmd_args, odd)
        yield call(mapping.split_by_criteria, odd)

    class Sample(mapping.MappingMixin):
        def __init__(self):
            self.attribute = 1

        @property
        def first(self):
            return [1]

        @property
        def second(self):
            return None

    sample = Sample()
    for label, function in [
        ("dict", lambda: dict(sample)),
        ("len", lambda: len(sample)),
        ("list", lambda: list(sample)),
        ("str", lambda: str(sample)),
        ("properties", lambda: sample.properties()),
        ("a property", lambda: sample["first"]),
        ("an attribute", lambda: sample["attribute"]),
        ("nothing of the kind", lambda: sample["third"]),
        ("in", lambda: ["first" in sample]),
        ("items", lambda: list(sample.items())),
        ("get", lambda: [sample.get("second"), sample.get("first")]),
        ("equal", lambda: [sample == Sample(), sample == dict(sample), sample != {}]),
    ]:
        yield "MappingMixin: " + label, function


def functions(modules, r, seed, count, folder):
    module, errors = modules.functions, modules.errors
    def plain(a, b, c=3, *more):
        return a, b, c, more

    def keywords(a, **rest):
        return a, rest

    def only(*, a, b=2):
        return a, b

    class Thing:
        def method(self, a, b=1):
            return a, b

    for function in (plain, keywords, only, Thing().method, Thing, len):
        for arguments in ({}, {"a": 1}, {"a": 1, "b": 2, "d": 4}):
            yield call(module.matching_args, function, arguments)
        yield call(module.getargspec, function)

    def failing(*_):
        raise KeyError("k")

    wrapped = module.error_wrapper(failing, errors.ClientError)
    yield "error_wrapper: raises", lambda: wrapped(1)
    yield "error_wrapper: returns", lambda: module.error_wrapper(plain, errors.ClientError)(1, 2)


def process_errors(modules, r, seed, count, folder):
    errors = modules.errors
    names = [name for name in dir(errors) if name.endswith("Error") or name.endswith("Exception")]
    for name in sorted(names):
        cls = getattr(errors, name)
        texts = [words(r), "", b"caf\xc3\xa9", None, 5]
        for arguments in [(), *((text,) for text in texts), *((text, 3) for text in texts)]:
            yield call(cls, *arguments)
        for output in (b"out", "out", b"", None, b"\xff"):
            yield call(cls, "cmd", return_code=1, output=output)
            yield call(cls, ["cmd", "x"], 1, output, "info")

            def attributes(cls=cls, output=output):
                error = cls("cmd", return_code=1, output=output)
                return error.cmd, error.return_code, error.output

            yield "%s: attributes %r" % (name, output), attributes


def files_of(modules, r, seed, count, folder):
    files = modules.files
    target = str(folder / "f")
    yield call(files.write_file, target, "text\n")
    yield call(files.write_file, target, "more", "a")
    yield call(files.read_file, target)
    yield call(files.read_file, target, "rb")
    yield call(files.read_file, str(folder / "missing"))
    for text in ('{"a": [1, null]}', "[1", ""):
        (folder / ("json%d" % len(text))).write_text(text)
        yield call(files.read_json, str(folder / ("json%d" % len(text))))
    yield call(files.read_json, str(folder / "missing"))

    def temporary():
        with files.tmpdir() as place:
            there = os.path.isdir(place)
        return there, os.path.exists(place), type(place).__name__

    yield "tmpdir", temporary


def check_passable(texts):
    """The original meets what no process can be given when it starts one."""
    for text in texts:
        if b"\0" in os.fsencode(text):
            raise ValueError("embedded null byte")


def environments(modules, r, seed, count, folder):
    """Generated jobs that berth and the original take for the same (tests/conformance/rules.py)."""
    from generate import Generator
    from rules import READ_VARIABLES, berth_refuses, canonical

    if modules.prefix == "sagemaker_training":
        module, cls = modules.environment, "Environment"
    else:
        module, cls = modules.env, "TrainingEnv"
    generator = Generator(r)
    for n in range(count // 4):
        case = canonical(generator.case())
        if n == 0:  # no process can be given this
            case = case.with_hyperparameter("unpassable", "\0")
        base = folder / ("job%d" % n)
        given = {k: v for k, v in case.variables.items() if k in READ_VARIABLES}
        if berth_refuses(case):
            continue

        def answer(case=case, base=base):
            case.write(base)
            os.environ["SAGEMAKER_BASE_DIR"] = str(base)
            importlib.reload(module)
            made = getattr(module, cls)()
            variables, arguments = made.to_env_vars(), made.to_cmd_args()
            check_passable([*variables.values(), *variables, *arguments])
            # An empty address is none.
            told = [dict(made), variables, arguments, made.sagemaker_s3_output() or None]
            return [*told, module.channel_path("x"), module.read_hyperparameters(), str(made) == str(dict(made))]

        yield "job %d %r %r" % (n, case.hyperparameters, given), with_variables(given, answer)[1]


def codecs(modules, r, seed, count, folder):
    encoders, content_types = modules.encoders, modules.content_types
    names = encoders.json_to_numpy, encoders.csv_to_numpy
    yield from decoding(encoders.decode, names, seed, count, content_types)
    yield from encoding(encoders.encode, seed, count, content_types)
    for value in ODD_VALUES:
        yield call(encoders.npy_to_numpy, saved(np.asarray(value, object)))
        yield call(encoders.array_to_json, value)
    yield from records(encoders.array_to_recordio_protobuf, seed, count)


def serving(framework, r, seed, count, folder):
    names = [value for name, value in sorted(vars(framework.params).items()) if name.endswith("_ENV")]
    for _ in range(count // 4):
        yield with_variables(serving_variables(r, names), properties(framework.env.ServingEnv))
    yield "ServingEnv as a mapping", lambda: dict(framework.env.ServingEnv())
    for ports in ("1-9", "8000-8001", "5", "a-b", ""):
        for after in (None, "", "1", 3, "9", "8000", "8001", "x"):
            yield call(framework.server.next_safe_port, ports, after)
    for given in ({}, {"transform_fn": len}, {"transform_fn": len, "input_fn": len}):
        yield call(framework.transformer.Transformer, **given)
    for name in ("default_model_fn", "default_predict_fn"):
        yield call(getattr(framework.transformer, name), *range(1 + (name == "default_predict_fn")))
    yield call(framework.transformer.default_input_fn, "[1]", "application/json")
    yield call(framework.transformer.default_input_fn, "[1]", "x/y")


def requests(framework, r, seed, count, folder):
    """A Worker asked as WSGI servers do."""
    types = framework.content_types

    def answered(app, method, path, headers, body):
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "CONTENT_LENGTH": str(len(body)),
            **headers,
        }
        told = {}

        def start_response(status, pairs, exc_info=None):
            told["status"] = int(status[:3])
            told["type"] = dict(pairs).get("Content-Type")

        body = b"".join(app(environ, start_response))
        # What an error's page says is each one's own.
        return told["status"], body if told["status"] < 400 else None, told["type"] if told["status"] < 400 else None

    def functions_of(kind):
        if kind == "default":
            return {"model_fn": lambda d: 2, "predict_fn": lambda data, model: data}
        if kind == "tuple":
            return {"model_fn": len, "transform_fn": lambda *a: (repr(a), "text/plain")}
        if kind == "response":
            make = framework.worker.Response
            return {"model_fn": len, "transform_fn": lambda *a: make("x", status=201, headers={"X-A": "b"})}
        if kind == "text":
            return {"model_fn": len, "transform_fn": lambda *a: "text"}
        if kind == "failing":
            return {"model_fn": len, "transform_fn": lambda *a: 1 / 0}
        return {"model_fn": len, "output_fn": lambda p, a: framework.worker.Response(str(p), mimetype=a),
                "predict_fn": lambda data, model: (type(data).__name__, model)}  # fmt: skip

    kinds = ["default", "tuple", "response", "text", "output"]
    apps = {}
    for kind in kinds:
        made = framework.transformer.Transformer(**functions_of(kind))
        apps[kind] = framework.worker.Worker(
            made.transform, made.initialize, "name", execution_parameters_fn=lambda: '{"a": 1}'
        )
    bodies = [b"[1, 2]", b"1,2\n3,4", saved(np.arange(3.0)), b"\xff", b""]
    accepts = [types.JSON, types.CSV, types.NPY, types.ANY, "x/y", "", "text/html"]
    for _ in range(count // 4):
        kind = r.choice(kinds)
        headers = {}
        if r.random() < 0.9:
            headers["CONTENT_TYPE"] = r.choice([types.JSON, types.CSV, types.NPY, "x/y"])
        if r.random() < 0.1:
            headers["HTTP_CONTENTTYPE"] = types.CSV
        if r.random() < 0.9:
            headers["HTTP_ACCEPT"] = r.choice(accepts)
        body = r.choice(bodies)
        method, path = "POST", "/invocations"
        if r.random() < 0.2:
            method = r.choice(["GET", "HEAD", "PUT", "POST"])
            path = r.choice(["/ping", "/invocations", "/execution-parameters", "/other", "/"])
        label = "%s %s %s %r %r" % (kind, method, path, headers, body)
        yield label, lambda a=(apps[kind], method, path, headers, body): answered(*a)

    failing = apps["default"], "POST", "/invocations", {"CONTENT_TYPE": types.JSON}, b"no json"
    yield "a failing request", lambda: answered(*failing)

    environ = {"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(b"a"), "CONTENT_LENGTH": "1"}

    def request():
        made = framework.worker.Request(dict(environ, CONTENT_TYPE="text/csv", HTTP_ACCEPT="*/*"))
        return made.content_type, made.accept, made.content, made["content_type"], made.default_mimetype

    yield "a Request by itself", request
    for named in ({}, {"mimetype": "text/csv"}, {"status": 404}, {"accept": "x"}, {"mimetype": "application/xml"}):

        def response(named=named):
            made = framework.worker.Response("é", **named)
            return int(made.status_code), made.status, made.mimetype, made.content_type, made.get_data()

        yield "a Response %r" % named, response


COMMON = [codecs, mappings, functions, process_errors, files_of, environments]
SECTIONS = {
    "sagemaker_inference": [
        inference_codecs,
        inference_utils,
        inference_errors,
        default_handler,
        inference_environment,
        transforming,
    ],
    "sagemaker_training": COMMON,
    "sagemaker_containers": [*COMMON, serving, requests],
}
