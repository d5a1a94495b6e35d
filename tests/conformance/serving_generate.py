"""Requests to a model, from a random generator: ordinary ones, and all the odd ones."""

import base64
import dataclasses
import io
import json
import pickle

import numpy as np
import scipy.sparse

JSON, CSV, NPY, NPZ = "application/json", "text/csv", "application/x-npy", "application/x-npz"
DEFAULTS = ["identity", "identity", "described", "described", "identity_context"]
MADE = ["made", "made", "made_output", "made_output_context", "transformed", "transformed_context"]
MODULES = [*DEFAULTS, "received", *MADE]
NUMBERS = """0 -0 1 -1 7 007 12345678901234567890 9223372036854775807 9223372036854775808 -9223372036854775808
    18446744073709551615 18446744073709551616 0.1 -0.0 1e-7 1E5 1e16 1e22 5e-324 1e400 -1e400 1. .5 1e 0x10 1_000 +1 -
    Infinity -Infinity NaN -NaN nan inf 9007199254740993 4.35 1e+2 123456789012345678.0""".split()
TEXTS = ["", "a", "abc", "é", "日本", "a b", "true", "1", " 1", "nan", "None", 'q"q', "\u2028", "\x00", "x" * 40, "#1", "1#2"]
DTYPES = "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8".split()
ODD_DTYPES = [">i4", ">f8", ">u2", "c8", "c16", "U3", "S3", "M8[s]", "m8[ms]", "i4,f8", "V4", "f16"]
STATUSES = [400, 404, 418, 429, 499, 500, 503, 599, 399, 600, 200, 0, -1, "400", True, None]


@dataclasses.dataclass
class Case:
    """`content_type`, `accept`: as sent; None: not sent."""

    module: str
    content_type: str | None
    accept: str | None
    body: bytes
    spelling: str = "Content-Type"

    def headers(self):
        headers = {"X-Case": "7"}
        if self.content_type is not None:
            headers[self.spelling] = self.content_type
        if self.accept is not None:
            headers["Accept"] = self.accept
        return headers

    def line(self):
        body = base64.b64encode(self.body).decode()
        return json.dumps({"module": self.module, "headers": list(self.headers().items()), "body": body})

    def __str__(self):
        body = self.body if len(self.body) < 300 else self.body[:300] + b"..."
        return f"{self.module} {self.spelling}: {self.content_type!r} accept: {self.accept!r} body: {body!r}"


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def saved_sparse(matrix, compressed=True):
    file = io.BytesIO()
    scipy.sparse.save_npz(file, matrix, compressed)
    return file.getvalue()


class Generator:
    def __init__(self, random):
        self.random = random

    def often(self, probability):
        return self.random.random() < probability

    def one(self, *choices):
        return self.random.choice(choices)

    def case(self):
        module = self.random.choice(MODULES)
        kind = self.random.choice([JSON, JSON, JSON, CSV, CSV, CSV, NPY, NPY, NPZ])
        if module.startswith(("made", "transformed")):
            kind = self.one(JSON, JSON, CSV, NPY)
            body = self.spec(module)
        else:
            body = {JSON: self.json, CSV: self.csv, NPY: self.npy, NPZ: self.npz}[kind]()
        content_type = self.content_type(kind)
        spelling = self.one("content-type", "Content-type", "ContentType") if self.often(0.1) else "Content-Type"
        accept = None if module == "received" else self.accept()
        return Case(module, content_type, accept, body, spelling)

    # Headers.

    def content_type(self, kind):
        chance = self.random.random()
        if chance < 0.75:
            return kind
        if chance < 0.85:
            return kind + self.one("; charset=utf-8", ";charset=UTF-8", " ; a=b; c=d", ";", "; header=present")
        if chance < 0.9:
            return self.one(kind.upper(), kind.title())
        if chance < 0.94:
            return None
        return self.one(
            "", "text/plain", "application/octet-stream", "application/x-jsonline", "image/png", "json", "*/*", ";",
            "application/x-recordio", "text/csvx", "text", "application/json,text/csv", "x/é",
        )  # fmt: skip

    def media(self):
        return self.one(JSON, CSV, NPY, JSON, CSV, "text/plain", "image/*", "*/*", "text/*", "application/*", "x", NPZ)

    def accept(self):
        chance = self.random.random()
        if chance < 0.25:
            return None
        if chance < 0.65:
            return self.one(JSON, CSV, NPY)
        if chance < 0.72:
            return self.one("*/*", "")
        parts = []
        for _ in range(self.random.randrange(1, 4)):
            media = self.media()
            if self.often(0.1):
                media = media.upper()
            if self.often(0.3):
                media += self.one(";q=0.9", "; q=0.1", ";q=0", ";charset=utf-8", " ;q=1.0")
            parts.append(media)
        return self.one(",", ", ", " , ").join(parts) + ("," if self.often(0.05) else "")

    # Bodies for the default decode.

    def number(self):
        if self.often(0.2):
            return self.random.choice(NUMBERS)
        return self.one(
            str(self.random.randrange(-100, 1000)),
            str(self.random.getrandbits(self.random.randrange(1, 80))),
            repr(self.random.uniform(-10, 10)),
            repr(self.random.uniform(-10, 10) * 10.0 ** self.random.randrange(-320, 300)),
            f"{self.random.uniform(-10, 10):.2f}",
        )

    def broken(self, text):
        at = self.random.randrange(len(text) + 1)
        return text[:at] + self.one("", ",", "]", "[", " ", '"', "\x00", "\ufeff", "é", "1") + text[at + 1 :]

    def as_bytes(self, text):
        data = text.encode("utf-8", "surrogatepass")
        if self.often(0.02):
            at = self.random.randrange(len(data) + 1)
            data = data[:at] + self.one(b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf") + data[at:]
        return data

    def json(self):
        chance = self.random.random()
        if chance < 0.5:
            text = self.tensor([self.random.randrange(4) if self.often(0.3) else 2 for _ in range(self.random.randrange(4))])
        elif chance < 0.8:
            text = self.value()
        elif chance < 0.9:
            text = self.broken(self.one(self.value(), self.tensor([2, 3])))
        elif chance < 0.95:
            depth = self.one(5, 31, 32, 33, 34, 70)
            text = "[" * depth + self.one("", "1", "1,2") + "]" * depth
        else:
            text = self.one("", " ", "\n", "null", "[]", "{}", '""', "[[]]", "[[],[]]", "[[],[1]]", "[1,]", "1 2", "[" * 2000)
        return self.as_bytes(self.one("", "", " ", "\r\n\t") + text + self.one("", "", " ", "\n"))

    def tensor(self, shape):
        """Numbers of one kind, now and then of two."""
        if shape:
            return "[" + self.one(",", ", ", " ,\n").join(self.tensor(shape[1:]) for _ in range(shape[0])) + "]"
        if self.often(0.1):
            return self.one("true", "false", "null", '"a"', "1.5", "NaN", "-Infinity", self.number())
        return str(self.random.randrange(-5, 300)) if self.often(0.7) else repr(self.random.uniform(-2, 2))

    def value(self, depth=3):
        if depth == 0 or self.often(0.4):
            return self.one(
                self.number(), json.dumps(self.random.choice(TEXTS), ensure_ascii=self.often(0.5)), "true", "false", "null",
                '"\\ud800"', '"\\u00e9"',
            )  # fmt: skip
        items = [self.value(depth - 1) for _ in range(self.random.randrange(4))]
        if self.often(0.7):
            return "[" + ",".join(items) + "]"
        return "{" + ",".join(f'"{n % 3}": {item}' for n, item in enumerate(items)) + "}"

    def cell(self, kind):
        if self.often(0.04):
            kind = self.one("int", "float", "text", "missing", "bool")
        return {
            "int": lambda: str(self.random.randrange(-100, 10**self.random.randrange(1, 20))),
            "float": lambda: self.number() if self.often(0.3) else repr(self.random.uniform(-9, 9)),
            "text": lambda: self.random.choice(TEXTS),
            "quoted": lambda: f'"{self.random.choice(TEXTS)}"',
            "bool": lambda: self.one("true", "False", "TRUE", "0"),
            "missing": lambda: self.one("", " "),
        }[kind]()

    def csv(self):
        if self.often(0.05):
            return self.one(b"", b"\n", b" ", b",", b",,\n,,", b"\r\n\r\n", b"#", b"# a\n1,2", b"a", b"1", b"1,", b"\x00", b"1\r2")
        columns, rows = self.random.choice([1, 1, 2, 3, 5]), self.random.choice([1, 1, 2, 3, 6])
        kinds = [self.one("int", "int", "float", "float", "text", "quoted", "bool")] * columns
        if self.often(0.4):
            kinds = [self.one("int", "float", "text", "quoted", "bool", "missing") for _ in range(columns)]
        comma = self.one(",", ",", ",", ", ", " ,", ";", "\t")
        lines = [comma.join(self.cell(kind) for kind in kinds) for _ in range(rows)]
        if self.often(0.15):
            lines.insert(0, comma.join(f"name{n}" for n in range(columns)))
        if self.often(0.1):
            lines.insert(self.random.randrange(len(lines) + 1), self.one("", " ", "1,2,3,4", "# note", "7"))
        end = self.one("\n", "\n", "\r\n", "\r")
        text = end.join(lines) + self.one("", end, end, end * 2)
        return self.as_bytes(self.broken(text) if self.often(0.05) else text)

    def array(self, dtype):
        shape = self.random.choice([(), (1,), (3,), (0,), (2, 3), (1, 1), (3, 1), (2, 0), (2, 2, 2), (1,) * 9])
        count = int(np.prod(shape))
        if dtype == "i4,f8":
            return np.zeros(shape, dtype)
        if np.dtype(dtype).kind == "V":
            return np.zeros(shape, dtype)
        values = [self.random.randrange(100) if self.often(0.8) else self.random.choice([0, 1, 127]) for _ in range(count)]
        array = np.array(values).reshape(shape).astype(dtype)
        if array.dtype.kind == "f":
            array = array / np.array(3, dtype)
        if array.dtype.kind == "f" and self.often(0.3) and count:
            array = np.where(np.arange(count).reshape(shape) == 0, np.array(self.one(np.nan, np.inf, -0.0), dtype), array).astype(dtype)
        return np.asfortranarray(array) if self.often(0.3) else array

    def npy(self):
        chance = self.random.random()
        if chance < 0.6:
            return saved(self.array(self.random.choice(DTYPES)))
        if chance < 0.8:
            return saved(self.array(self.random.choice(ODD_DTYPES)))
        if chance < 0.85:
            file = io.BytesIO()
            np.lib.format.write_array(file, self.array("f8"), version=self.one((1, 0), (2, 0), (3, 0)))
            return file.getvalue()
        if chance < 0.9:
            return self.one(saved(np.array([{}, "a"], object)), pickle.dumps([1, 2]), pickle.dumps(np.arange(3)))
        whole = saved(np.arange(6.0).reshape(2, 3))
        at = self.random.randrange(len(whole))
        return self.one(
            b"", b"junk", whole[:at], whole + b"more", whole[:at] + b"\xff" + whole[at + 1 :], whole[6:], b"\x93NUMPY",
            whole.replace(b"<f8", b"<f4"), whole.replace(b"(2, 3)", b"(2, 9)"), whole.replace(b"(2, 3)", b"(-1, )"),
        )  # fmt: skip

    def npz(self):
        form = self.one("csr", "csc", "coo", "bsr", "dia")
        matrix = scipy.sparse.random(3, 4, 0.4, form, self.one("f8", "f4"), random_state=self.random.randrange(1000))
        whole = saved_sparse(matrix, self.often(0.5))
        if self.often(0.75):
            return whole
        file = io.BytesIO()
        np.savez(file, a=np.arange(3))
        at = self.random.randrange(len(whole))
        return self.one(b"", b"junk", whole[:at], whole + b"more", file.getvalue(), saved(np.arange(3)), pickle.dumps(1))

    # Bodies that say what to make.

    def made(self, depth=1):
        chance = self.random.random()
        shape = self.random.choice([(), (1,), (3,), (0,), (2, 3), (1, 1), (3, 1), (2, 0), (2, 2, 2), (1,) * 9, (40, 30)])
        layout = self.one("C", "F", "strided", "reversed", "swapped")
        if chance < 0.5:
            return ["array", self.random.choice(DTYPES), shape, self.random.randrange(10**6), layout]
        if chance < 0.58:
            return ["array", self.one("c8", "c16", "O", "U5"), shape, self.random.randrange(10**6), layout]
        if chance < 0.7:
            return ["scalar", self.random.choice([*DTYPES, "c16", "U5"]), self.random.randrange(10**6)]
        if chance < 0.85 or not depth:
            return ["value", self.plain()]
        if chance < 0.95:
            return [self.one("tuple", "list", "dict"), *[self.made(0) for _ in range(self.random.randrange(4))]]
        return self.one(["set", ""], ["object", ""], ["range", ""], ["sparse", "csr"], ["masked", ""], ["matrix", ""])

    def plain(self, depth=2):
        if not depth or self.often(0.5):
            return self.one(
                None, True, 0, 7, -1.5, 2**70, float("nan"), float("inf"), "", self.random.choice(TEXTS), "\ud800",
                self.random.uniform(-9, 9),
            )  # fmt: skip
        size = self.random.randrange(4)
        if self.often(0.7):
            return [self.plain(depth - 1) for _ in range(size)]
        return {str(n): self.plain(depth - 1) for n in range(size)}

    def result(self):
        """What an output_fn returns."""
        chance = self.random.random()
        if chance < 0.15:
            return ["accept"]
        if chance < 0.4:
            return ["value", self.random.choice(TEXTS)]
        if chance < 0.6:
            return [self.one("bytes", "bytearray"), self.random.choice(TEXTS)]
        if chance < 0.8:
            content_type = self.one(JSON, CSV, "text/plain", "text/plain; charset=utf-8", "", "x", None, 7)
            first = self.one(["value", self.random.choice(TEXTS)], ["bytes", "abc"], self.made(0))
            more = [["value", "more"]] if self.often(0.1) else []
            return ["tuple", first, ["value", content_type], *more] if self.often(0.9) else ["tuple", first]
        return self.made()

    def spec(self, module):
        spec = {"make": self.made() if module == "made" else self.result(), "status": None, "type": None}
        if self.often(0.15):
            spec["status"] = self.one(201, 202, 404, 500, 299)
        if module == "made_output_context" and self.often(0.3):
            spec["type"] = self.one(JSON, "text/plain", "text/csv; header=present")
        if self.often(0.15):
            places = {"made": ["input_fn", "predict_fn"], "transformed": ["transform_fn"], "made_output": ["output_fn"]}
            spec["at"] = self.random.choice(places[module.removesuffix("_context")])
            name = self.one("ValueError", "KeyError", "bare", "MemoryError", "StatusError", "StatusError", "toolkit", "toolkit")
            status = self.random.choice(STATUSES)
            if name == "toolkit":  # the reference sends whatever it is
                status = self.one(400, 404, 418, 429, 499, 500, 503, 599)
            spec["raise"] = [name, self.random.choice(TEXTS), status]
        return json.dumps(spec).encode()
