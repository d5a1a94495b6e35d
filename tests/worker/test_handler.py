"""Requests through the user's functions: what they get, what the caller gets."""

import io
import json

import numpy as np
import pytest
from worker_double import BYTES, CSV, FILE, JSON, NPY, TENSOR

ECHO = """
    def model_fn(model_dir): return "model"
    def input_fn(data, content_type): return [type(data).__name__, repr(data), content_type]
    def predict_fn(data, model): return data + [model]
    def output_fn(prediction, accept): return prediction + [accept], "application/json"
"""


@pytest.mark.parametrize(
    "content_type, given, kind",
    [
        ("application/json", "application/json", "str"),
        ("application/json; charset=utf-8", "application/json; charset=utf-8", "str"),
        ("text/csv", "text/csv", "str"),
        ("Text/CSV;header=present", "Text/CSV;header=present", "str"),
        ("", "application/json", "str"),
        ("application/x-npy", "application/x-npy", "bytes"),
        ("image/png", "image/png", "bytes"),
    ],
)
def test_input_fn_gets_text_or_bytes_and_the_type_as_sent(worker, content_type, given, kind):
    data = {"str": "é", "bytes": "é".encode()}[kind]
    response = worker(ECHO).ask("é".encode(), content_type=content_type)
    assert response.json() == [kind, repr(data), given, "model", "application/json"]


@pytest.mark.parametrize(
    "accept, given",
    [("", "text/x-default"), ("*/*", "text/x-default"), ("text/html, */*", "text/html, */*")],
)
def test_output_fn_gets_accept_as_sent_or_the_default(worker, accept, given):
    response = worker(ECHO, default_accept="text/x-default").ask(b"1", accept=accept)
    assert response.json()[-1] == given


@pytest.mark.parametrize(
    "returned, accept, body, content_type",
    [
        ("'text é'", "text/x", "text é".encode(), "text/x"),
        ("b'bytes'", "text/x", b"bytes", "text/x"),
        ("bytearray(b'bytes')", "", b"bytes", "application/json"),
        ("memoryview(b'bytes')", "", b"bytes", "application/json"),
        ("memoryview(b'12345678').cast('i')", "", b"12345678", "application/json"),
        ("('text', 'text/y')", "text/x", b"text", "text/y"),
        ("('text', None)", "text/x", b"text", "text/x"),
        ("{'a': [1]}", "application/json", b'{"a": [1]}', "application/json"),
        ("[1, 2]", "text/csv", b"1\n2\n", "text/csv"),
        ("{'a': 1}", "image/png", b'{"a": 1}', "application/json"),
        ("'x'", "text/html, text/x;q=0.5", b"x", "text/html"),
        ("'x'", "text/html;level=1", b"x", "text/html;level=1"),
        ("None", "", b"null", "application/json"),
        ("''", "", b"", "application/json"),
    ],
)
def test_what_output_fn_returns_is_the_answer(worker, returned, accept, body, content_type):
    functions = [
        f"""
        def model_fn(model_dir): return 1
        def predict_fn(data, model): return data
        def output_fn(prediction, accept): return {returned}
        """,
        f"""
        def model_fn(model_dir): return 1
        def transform_fn(model, data, content_type, accept): return {returned}
        """,
    ]
    for source in functions:
        response = worker(source, native=False).ask(b"1", accept=accept)
        assert (response.kind, response.status) == (BYTES, 200), response.body
        assert response.body == body
        assert response.headers == [("Content-Type", content_type)]


DEFAULTS = """
    def model_fn(model_dir): return 1
    def predict_fn(data, model): return data
"""


@pytest.mark.parametrize(
    "accept, encoding, content_type",
    [
        ("", JSON, "application/json"),
        ("*/*", JSON, "application/json"),
        ("text/csv", CSV, "text/csv"),
        ("application/x-npy", NPY, "application/x-npy"),
        ("text/html , application/x-npy,text/csv", NPY, "application/x-npy"),
        ("text/csv;q=0.5", CSV, "text/csv"),
        ("TEXT/CSV; charset=utf-8", CSV, "text/csv"),
        ("text/html, */*;q=0.1", JSON, "application/json"),
        ("text/*", CSV, "text/csv"),
    ],
)
def test_default_encode_takes_the_first_type_it_knows(worker, accept, encoding, content_type):
    response = worker(DEFAULTS).ask(b"[1, 2]", accept=accept)
    assert (response.kind, response.encoding) == (TENSOR, encoding)
    assert response.content_type == content_type


def test_default_encode_in_python_where_the_server_has_none(worker):
    double = worker(
        """
        import numpy as np
        def model_fn(model_dir): return 1
        def predict_fn(data, model): return eval(data[0])
        def input_fn(data, content_type): return data,
        """
    )
    for expression, accept, body in [
        ("{'p': np.float32(0.1), 'q': np.arange(2)}", "", b'{"p": 0.10000000149011612, "q": [0, 1]}'),
        ("[float('nan')]", "", b"[NaN]"),
        ("np.array(['a', 'b'])", "", b'["a", "b"]'),
        ("np.array([1, 2], '>i4')", "", b"[1, 2]"),
        ("[[1, 2.5], [3, 4]]", "text/csv", b"1.0,2.5\n3.0,4.0\n"),
        ("np.array(['a', 'b'])", "text/csv", b"a\nb\n"),
        ("np.zeros((1,) * 9)", "", b"[[[[[[[[[0.0]]]]]]]]]"),
        ("np.array([None])", "", b"[null]"),
    ]:  # fmt: skip
        response = double.ask(expression.encode(), accept=accept)
        assert (response.kind, response.body) == (BYTES, body), expression
    saved = double.ask(b"[1, 2]", accept="application/x-npy").body
    assert np.load(io.BytesIO(saved)).tolist() == [1, 2]
    # As numpy.savetxt has it.
    response = double.ask(b"np.zeros((2, 2, 2))", accept="text/csv")
    assert response.json() == {
        "error": "ValueError",
        "error-message": "Expected 1D or 2D array, got 3D array instead",
    }


def saved(array, **how):
    stream = io.BytesIO()
    np.save(stream, array, **how)
    return stream.getvalue()


def test_default_decode(worker):
    double = worker(
        """
        def model_fn(model_dir): return 1
        def predict_fn(data, model): return [str(data.dtype), data.tolist()]
        """,
        native=False,
    )
    assert double.ask(b"[[1, 2]]").json() == ["int64", [[1, 2]]]
    assert double.ask(b"1.5").json() == ["float64", 1.5]
    assert double.ask(b"1,2\n3,4", content_type="text/csv").json() == ["int64", [[1, 2], [3, 4]]]
    assert double.ask(b"1.5,2\r\n3.5,4", content_type="text/csv; x=y").json() == [
        "[('f0', '<f8'), ('f1', '<i8')]", [[1.5, 2], [3.5, 4]],
    ]  # fmt: skip
    npy = saved(np.array([1, 2], "<u2"))
    assert double.ask(npy, content_type="application/x-npy").json() == ["uint16", [1, 2]]


def test_default_decode_of_npz_is_a_sparse_matrix(worker):
    import scipy.sparse

    stream = io.BytesIO()
    scipy.sparse.save_npz(stream, scipy.sparse.csr_matrix([[0, 7], [0, 0]]))
    double = worker(
        """
        def model_fn(model_dir): return 1
        def predict_fn(data, model): return [data.nnz, data.toarray()]
        """
    )
    response = double.ask(stream.getvalue(), content_type="application/x-npz")
    assert response.json() == [1, [[0, 7], [0, 0]]]


def test_pickled_arrays_are_refused_unless_allowed(worker):
    pickled = saved(np.array([{"a": 1}], dtype=object), allow_pickle=True)
    source = """
        def model_fn(model_dir): return 1
        def predict_fn(data, model): return data.tolist()
    """
    response = worker(source).ask(pickled, content_type="application/x-npy")
    assert response.status == 400
    assert response.json() == {
        "error": "RefusedError",
        "error-message": "the body is a pickle, or an array of Python objects: loading it would run"
        " code of the sender's choice; send an array of numbers",
    }
    response = worker(source, allow_pickle=True).ask(pickled, content_type="application/x-npy")
    assert response.json() == [{"a": 1}]


def test_formats_without_a_default_are_415_and_406(worker):
    double = worker(DEFAULTS)
    response = double.ask(b"x", content_type="image/png")
    assert (response.status, response.content_type) == (415, "application/json")
    assert response.json() == {
        "error": "UnsupportedFormatError",
        "error-message": "there is no default decode for the content type 'image/png': send"
        " application/json, text/csv, application/x-npy, application/jsonlines,"
        " application/x-recordio-protobuf or application/x-npz, or write an input_fn",
    }
    response = double.ask(b"1", accept="image/png")
    assert response.status == 406
    assert response.json() == {
        "error": "UnsupportedFormatError",
        "error-message": "there is no default encode for the accepted type 'image/png': accept"
        " application/json, text/csv, application/x-npy, application/jsonlines or"
        " application/x-recordio-protobuf, or write an output_fn",
    }


@pytest.mark.parametrize(
    "error, status, name, message",
    [
        ("ValueError('bad')", 500, "ValueError", "bad"),
        ("KeyError('k')", 500, "KeyError", "'k'"),
        ("MemoryError()", 507, "MemoryError", "out of memory"),
        ("Coded(422, 'no')", 422, "Coded", "no"),
        ("Coded(503, None)", 503, "Coded", "from str"),
        ("Coded(True, 'no')", 500, "Coded", "from str"),
        ("Coded(200, 'no')", 500, "Coded", "from str"),
        ("Coded('422', 'no')", 500, "Coded", "from str"),
        ("Base()", 500, "Base", ""),
        ("Unprintable()", 500, "Unprintable", "(an error whose text cannot be made)"),
        ("ValueError('\\ud800 é')", 500, "ValueError", "\ud800 é"),
    ],
)
def test_an_exception_is_an_answer_and_its_traceback_is_in_the_log(worker, error, status, name, message):
    double = worker(
        f"""
        class Coded(Exception):
            def __init__(self, status_code, message):
                self.status_code, self.message = status_code, message
            def __str__(self): return "from str"
        class Base(BaseException): pass
        class Unprintable(Exception):
            def __str__(self): raise RuntimeError
        def model_fn(model_dir): return 1
        def predict_fn(data, model): raise {error}
        """
    )
    for _ in range(2):
        response = double.ask(b"1")
        assert (response.status, response.content_type) == (status, "application/json")
        assert response.json() == {"error": name, "error-message": message}
    lines = double.lines()
    assert lines[0] == "\x1er1\x1fTraceback (most recent call last):"
    assert lines[2] == f"\x1er1\x1f    def predict_fn(data, model): raise {error}"
    assert "berth_worker" not in "".join(lines)


def test_tracebacks_reach_the_caller_only_when_asked_for(worker):
    source = """
        def model_fn(model_dir): return 1
        def predict_fn(data, model): 1 / 0
    """
    assert "traceback" not in worker(source).ask(b"1").json()
    answer = worker(source, traceback_in_errors=True).ask(b"1").json()
    assert answer["traceback"].endswith("ZeroDivisionError: division by zero\n")


def test_context(worker):
    double = worker(
        """
        def model_fn(model_dir, context): return context.system_properties["model_dir"]
        def predict_fn(data, model): return data
        def output_fn(prediction, accept, context):
            context.metrics.add_counter("n", 1)
            context.metrics.add_time("t", 1.5, None, "ms")
            headers = context.request_processor[0].get_request_properties()
            result = [
                context.get_request_id(), context.get_request_header(0, "x-one"),
                context.get_request_header(0, "none"), context.get_all_request_header(0),
                context.request_processor[0].get_request_property("X-One"), headers,
                0 < context.remaining <= 60, context.model_name, context.manifest,
                context.get_response_status(0), context.system_properties["gpu_id"],
            ]
            if prediction:
                context.set_response_status(203, "Partial", 0)
                context.set_response_header(0, "X-Answer", "yes")
                context.set_response_content_type(0, "application/x-mine")
                result.append(context.get_response_content_type(0))
            import json
            return json.dumps(result)
        """,
        environ={"CUDA_VISIBLE_DEVICES": ""},
    )
    headers = [("X-One", "1"), ("Empty", "")]
    expected = [
        "id-7", "1", None, dict(headers), "1", dict(headers), True, "model", {}, [200, ""], None,
    ]  # fmt: skip
    response = double.ask(b"1", headers=headers, request_id="id-7")
    assert response.json() == expected + ["application/x-mine"]
    assert response.status == 203
    assert response.headers == [("Content-Type", "application/x-mine"), ("X-Answer", "yes")]
    # Nothing of it is left for the next.
    response = double.ask(b"0", headers=headers, request_id="id-7")
    assert response.json() == expected
    assert (response.status, response.headers) == (200, [("Content-Type", "application/json")])


def test_context_refuses_what_cannot_be_sent(worker):
    double = worker(
        """
        def model_fn(model_dir): return 1
        def predict_fn(data, model, context):
            context.set_response_header(0, "X-Split", "a\\r\\nX-Other: b")
        """
    )
    assert double.ask(b"1").json() == {
        "error": "ValueError",
        "error-message": "a response header 'X-Split': 'a\\r\\nX-Other: b' cannot be sent",
    }


def test_an_answer_larger_than_its_slot_comes_as_a_sealed_file(worker):
    import fcntl

    double = worker(
        """
        def model_fn(model_dir): return 1
        def transform_fn(model, data, content_type, accept): return b"x" * int(data), "text/x"
        """
    )
    response = double.ask(b"40000")
    assert (response.kind, response.status, response.content_type) == (FILE, 200, "text/x")
    assert response.body == b"x" * 40000
    assert double.messages == [{"type": "body", "slot": 0}]
    seals = fcntl.fcntl(double.files[0], fcntl.F_GET_SEALS)
    assert seals == fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    # A large slot has room for it, and not for more than its payload.
    assert double.ask(b"40000", slot=16).kind == BYTES
    assert double.ask(b"%d" % (3 << 20), slot=16).body == b"x" * (3 << 20)


def test_headers_larger_than_the_slot_are_an_error(worker):
    double = worker(
        """
        def model_fn(model_dir): return 1
        def predict_fn(data, model, context): context.set_response_header(0, "X", "x" * 40000)
        """
    )
    response = double.ask(b"1")
    assert response.status == 500
    assert response.json()["error-message"] == (
        "the headers of the answer are 40033 bytes; at most 32768"
    )


def test_broken_utf8_is_an_error_of_that_request_only(worker):
    double = worker(DEFAULTS)
    assert double.ask(b"\xff").json()["error"] == "UnicodeDecodeError"
    assert double.ask(b"1").status == 200


def test_json_errors_are_json(worker):
    double = worker(DEFAULTS)
    assert json.loads(double.ask(b"{").body)["error"] == "JSONDecodeError"


def test_a_content_type_that_is_no_text_is_an_error_that_says_so(worker):
    source = """
        import numpy as np
        def model_fn(d): return None
        def transform_fn(model, data, content_type, accept):
            return {"text": "x", "array": np.arange(3)}[data], 7
        """
    double = worker(source)
    for body in (b"text", b"array"):
        answer = double.ask(body, content_type="text/csv")
        assert (answer.status, answer.json()["error"]) == (500, "TypeError")
        assert answer.json()["error-message"] == "a content type that is returned is text, not int"


def test_json_lines(worker):
    double = worker(DEFAULTS)
    lines = "application/jsonlines"
    response = double.ask(b'[1, 2]\r\n\n[3, 4.5]', content_type=lines, accept=lines)
    assert (response.content_type, response.body) == (lines, b"[1.0, 2.0]\n[3.0, 4.5]\n")
    text = '{"text": "a\u2028b"}\n{"text": "c"}\n'
    response = double.ask(text.encode(), content_type=lines, accept=lines)
    assert [json.loads(line) for line in response.body.split(b"\n")[:-1]] == [
        {"text": "a\u2028b"}, {"text": "c"},
    ]  # fmt: skip
    assert double.ask(b"1", accept=lines).body == b"1\n"
    assert double.ask(b"[1,\n2]", content_type=lines).json()["error"] == "JSONDecodeError"


def test_recordio_protobuf(worker):
    double = worker(DEFAULTS)
    records = "application/x-recordio-protobuf"
    for rows in ([[1.5, 2.0], [3.0, -4.0]], [[1, -2, 2**31 - 1]]):
        encoded = double.ask(json.dumps(rows).encode(), accept=records)
        assert encoded.content_type == records
        assert double.ask(encoded.body, content_type=records).body.tolist() == rows
        assert encoded.body[:4] == b"\x0a\x23\xd7\xce"
    # A record of 0.0 and 1.0, written out.
    values = b"\x0a\x08" + b"\0" * 6 + b"\x80\x3f"
    record = b"\x0a\x16\x0a\x06values\x12\x0c\x12\x0a" + values
    framed = b"\x0a\x23\xd7\xce" + bytes([len(record), 0, 0, 0]) + record
    assert double.ask(framed, content_type=records).body.tolist() == [[0.0, 1.0]]
    for broken in (framed[:-1], framed[1:], b"", framed + b"x"):
        answer = double.ask(broken, content_type=records)
        assert (answer.status, answer.json()["error"]) == (400, "RefusedError")
    answer = double.ask(b"[4294967296]", accept=records)
    assert answer.json()["error-message"] == (
        "recordio-protobuf holds integers of 32 bits: there is a larger one"
    )


def test_sparse_recordio_protobuf_is_a_sparse_matrix(worker):
    pytest.importorskip("scipy")
    double = worker(
        """
        def model_fn(model_dir): return 1
        def predict_fn(data, model): return [type(data).__name__, data.toarray().tolist()]
        """
    )
    # Column 1 of 3 is 1.0.
    values = b"\x0a\x04\0\0\x80\x3f" + b"\x12\x01\x01" + b"\x1a\x01\x03"
    record = b"\x0a\x18\x0a\x06values\x12\x0e\x12\x0c" + values
    framed = b"\x0a\x23\xd7\xce" + bytes([len(record), 0, 0, 0]) + record + b"\0" * (-len(record) % 4)
    answer = double.ask(framed, content_type="application/x-recordio-protobuf")
    assert answer.json() == ["csr_matrix", [[0.0, 1.0, 0.0]]]


def test_a_head_that_promises_more_than_the_body_is_the_callers_mistake(worker):
    double = worker(DEFAULTS)
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999,), }"
    body = b"\x93NUMPY\x01\0" + bytes([118, 0]) + head.ljust(117) + b"\n"
    answer = double.ask(body, content_type="application/x-npy")
    assert (answer.status, answer.json()["error-message"]) == (
        400, "the head of the NPY body speaks of more data than the body has",
    )  # fmt: skip
    body = body.replace(b"99999999999999999,", b"-1,               ")
    answer = double.ask(body, content_type="application/x-npy")
    assert (answer.status, answer.json()["error-message"]) == (
        400, "the head of the NPY body has a negative dimension",
    )  # fmt: skip
    answer = double.ask(b"hello", content_type="application/x-npy")
    assert (answer.status, answer.json()["error-message"]) == (
        400, "the body is no NPY file: it does not begin as one",
    )  # fmt: skip
