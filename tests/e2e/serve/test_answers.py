"""HTTP through the whole server, with a model behind it."""

import concurrent.futures
import contextlib
import gzip
import hashlib
import json
import random
import shutil
import subprocess
import zlib

import pytest
import serving_load

# Bytes in, bytes out; JSON and CSV by the defaults elsewhere.
RAW = """
import hashlib
def model_fn(model_dir):
    return None
def transform_fn(model, data, content_type, accept):
    data = data.encode() if isinstance(data, str) else data
    if content_type == "x/digest":
        return hashlib.sha256(data).hexdigest(), "text/plain"
    return data, content_type
"""
DEFAULTS = """
def model_fn(model_dir):
    return None
def predict_fn(data, model):
    return data
"""
ERRORS = """
class Refused(Exception):
    status_code = 422
def model_fn(model_dir):
    return None
def input_fn(data, content_type):
    return data
def predict_fn(data, model):
    if data == b"refuse":
        raise Refused("not this")
    raise KeyError("secret \\N{GREEK SMALL LETTER ALPHA}")
"""


@pytest.fixture(scope="module")
def raw(shared_place):
    return shared_place.serve(RAW)


def test_routes_and_methods(place):
    server = place.serve(DEFAULTS)
    missing = server.get("/nothing")
    assert missing.status == 404
    assert missing.error[0] == "NotFound" and '"/nothing"' in missing.error[1]
    for path, allowed in [("/invocations", "POST"), ("/metrics", "GET, HEAD"),
                          ("/ping", "GET, HEAD, POST"), ("/execution-parameters", "GET, HEAD")]:
        refused = server.request("DELETE", path)
        assert refused.status == 405
        assert refused.headers["Allow"] == allowed
        assert refused.error[0] == "MethodNotAllowed"
    assert server.get("/invocations").status == 405
    parameters = server.get("/execution-parameters")
    assert parameters.json == {
        "MaxConcurrentTransforms": 2, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6
    }
    head = server.request("HEAD", "/execution-parameters")
    assert head.status == 200 and head.body == b""
    assert int(head.headers["Content-Length"]) == len(parameters.body)


def test_statuses_of_bodies(place):
    server = place.serve(DEFAULTS, SAGEMAKER_MAX_PAYLOAD_IN_MB="1")
    assert server.invoke("[[1, 2.5]]", "application/json").json == [[1, 2.5]]
    assert server.invoke("1,2\n3,4\n", "text/csv", Accept="text/csv").status == 200
    unsupported = server.invoke("x", "application/unheard-of")
    assert unsupported.status == 415 and unsupported.error[0] == "UnsupportedFormatError"
    unacceptable = server.invoke("[1]", "application/json", Accept="application/unheard-of")
    assert unacceptable.status == 406 and unacceptable.error[0] == "UnsupportedFormatError"
    coding = server.invoke("x", "text/csv", Content_Encoding="br")
    assert coding.status == 415 and coding.error
    broken = server.invoke("[1,", "application/json")
    assert broken.status == 500 and broken.error[0] == "JSONDecodeError"
    large = server.invoke(b"x" * (1 << 20) + b"x", "text/csv")
    assert large.status == 413 and large.error
    bomb = server.invoke(gzip.compress(b"1," * (1 << 20)), "text/csv", Content_Encoding="gzip")
    assert bomb.status == 413 and bomb.error
    for request, status in [
        (b"POST /invocations HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 411),
        (b"POST /invocations HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (b"POST /invocations HTTP/9.9\r\nHost: h\r\n\r\n", 505),
        (b"no request at all\r\n\r\n", 400),
        (b"GET /ping HTTP/1.1\r\n\r\n", 400),
    ]:
        answer = server.exchange(request)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status), answer
        assert sorted(json.loads(body)) == ["error", "error-message"]
    assert server.get("/ping").status == 200


WHOLE = """
def model_fn(model_dir):
    return None
def transform_fn(model, data, content_type, accept):
    return "%d bytes" % len(data), "text/plain"
"""


def test_a_post_without_a_length_has_an_empty_body(place):
    """RFC 9112, 6.3. Only where default decoding could make nothing of it, that is said."""
    bare = b"POST /invocations HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    assert place.serve(WHOLE).exchange(bare).endswith(b"\r\n\r\n0 bytes")
    answer = place.serve(DEFAULTS).exchange(bare)
    assert answer.startswith(b"HTTP/1.1 411 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {
        "error": "LengthRequired",
        "error-message": "there is no body: a Content-Length is needed, or Transfer-Encoding: "
                         "chunked",
    }


def test_json_lines_and_recordio_protobuf(place):
    """Small bodies stay in the loop, large ones go to a codec thread; what grows goes to Python."""
    server = place.serve(DEFAULTS)
    lines, records = "application/jsonlines", "application/x-recordio-protobuf"
    for rows in ([[1, 2], [3, 4]], [[i, -i] for i in range(20_000)], [[0.5] * 3] * 5000):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        answer = server.invoke(text, lines, Accept=lines)
        assert (answer.headers["Content-Type"], answer.text) == (lines, text)
        encoded = server.invoke(text, lines, Accept=records)
        assert encoded.headers["Content-Type"] == records
        assert server.invoke(encoded.body, records).json == rows
    broken = server.invoke(b"no records", records)
    assert broken.status == 400 and broken.error[0] == "RefusedError"


def test_refusals_have_a_request_id(place):
    server = place.serve(DEFAULTS)
    for answer in (server.get("/none"), server.request("DELETE", "/invocations")):
        assert answer.headers["X-Request-Id"]
        server.log.wait(rf"WARN  access +\[request={answer.headers['X-Request-Id']}\] ")
    answer = server.exchange(b"GET /ping HTTP/1.1\r\nX-Request-Id: x\r\n\r\n")
    assert b"\r\nX-Request-Id: " in answer


def test_errors_of_handlers(place):
    server = place.serve(ERRORS)
    answer = server.invoke("refuse", "x/y")
    assert (answer.status, *answer.error) == (422, "Refused", "not this")
    answer = server.invoke("other", "x/y")
    assert (answer.status, *answer.error) == (500, "KeyError", "'secret \u03b1'")
    assert "raise KeyError" in server.log.wait("raise KeyError.*")[0]


SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n[1]",
        b"Content-Length: 3, 4\r\n\r\n[1]",
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: +3\r\n\r\n[1]",
        b"Content-Length: 99999999999999999999\r\n\r\n[1]",
        b"Content-Length : 3\r\n\r\n[1]",
        b"Content-Length: 3\nX: y\r\n\r\n[1]",
        b"Content-Length: 3\r\n X: y\r\n\r\n[1]",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\n[1]\n0\n\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\n[1]xx0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-3\r\n[1]\r\n0\r\n\r\n",
    ],
)
def test_smuggling_is_refused(raw, headers):
    """And nothing that stands behind it is taken for a request."""
    request = b"POST /invocations HTTP/1.1\r\nHost: h\r\nContent-Type: x/y\r\n" + headers
    answer = raw.exchange(request + SMUGGLED)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ", b"HTTP/1.1 501 ")), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"berth_requests_total" not in answer


def test_pipelined_requests_are_answered_in_order(raw):
    requests = [
        b"POST /invocations HTTP/1.1\r\nHost: h\r\nContent-Type: x/y\r\nContent-Length: %d\r\n\r\n%b"
        % (len(str(i)), str(i).encode())
        for i in range(50)
    ]
    last = b"GET /ping HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    answer = raw.exchange(b"".join(requests) + last)
    bodies = [part.split(b"\r\n\r\n")[1] for part in answer.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [str(i).encode() for i in range(50)] + [b""]


def test_large_bodies_come_back_as_they_were(raw):
    """25 MB there and back: with a length, in pieces, and compressed; to one and the same sum."""
    body = random.Random(25).randbytes(25 << 20)
    digest = hashlib.sha256(body).hexdigest()
    length = {"Content-Length": str(len(body))}
    for headers, sent in [
        (length, body),
        ({}, (body[i : i + 1_000_003] for i in range(0, len(body), 1_000_003))),
        ({"Content-Encoding": "gzip"}, gzip.compress(body, 0)),
        ({"Content-Encoding": "deflate"}, zlib.compress(body, 0)),
    ]:
        for kind in ("x/digest", "x/y"):
            if not isinstance(sent, bytes) and kind == "x/y":
                sent = (body[i : i + 999_983] for i in range(0, len(body), 999_983))
            answer = raw.request("POST", "/invocations", sent, {"Content-Type": kind} | headers)
            assert answer.status == 200
            got = answer.text if kind == "x/digest" else hashlib.sha256(answer.body).hexdigest()
            assert got == digest


def test_answers_of_every_size(place):
    """In a small slot, in a large one, and larger than that: then it comes as a file."""
    server = place.serve("def model_fn(d):\n    return 1\n"
                         "def transform_fn(m, data, c, a):\n"
                         "    return bytes(range(256)) * (int(data) // 256 + 1), 'x/y'\n",
                         SAGEMAKER_MAX_PAYLOAD_IN_MB="1")
    for size in (0, 256, 30_000, 33_000, 65_536, 1 << 20, 5 << 20, 40 << 20):
        answer = server.invoke(str(size), "text/csv")
        assert answer.status == 200
        assert answer.body == bytes(range(256)) * (size // 256 + 1)


def test_curl(raw, tmp_path):
    (tmp_path / "body").write_bytes(bytes(range(256)) * 5000)
    send = ["--data-binary", f"@{tmp_path}/body", "-H", "Content-Type: x/y", raw.url + "/invocations"]
    whole = (tmp_path / "body").read_bytes()
    assert raw.curl(*send) == whole
    assert raw.curl("-H", "Transfer-Encoding: chunked", *send) == whole
    out = raw.curl("-i", "-H", "Expect: 100-continue", *send)
    assert out.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n") and out.endswith(whole)
    assert b"\r\nContent-Length: 0\r\n" in raw.curl("--head", raw.url + "/ping")


def test_http_client_keeps_its_connection(raw):
    with contextlib.closing(raw.client()) as client:
        client.connect()
        sock = client.sock
        for size in (0, 1, 20_000, 100_000, 3_000_000):
            client.request("POST", "/invocations", b"x" * size, {"Content-Type": "x/y"})
            answer = client.getresponse()
            assert answer.read() == b"x" * size
            client.request("GET", "/none")
            assert client.getresponse().read()
        assert client.sock is sock


def test_wrk(place):
    if not shutil.which("wrk"):
        pytest.skip("wrk is not installed")
    server = place.serve(DEFAULTS)
    script = place.base / "post.lua"
    script.write_text('wrk.method = "POST"\nwrk.body = "[1, 2, 3]"\n'
                      'wrk.headers["Content-Type"] = "application/json"\n')
    done = subprocess.run(["wrk", "-t1", "-c16", "-d1s", "-s", script, server.url + "/invocations"],
                          capture_output=True, text=True, check=True)
    assert "Non-2xx" not in done.stdout and "Socket errors" not in done.stdout, done.stdout
    assert server.metrics()["berth_requests_total", "code=200"] > 100


def test_h2load(place):
    if not shutil.which("h2load"):
        pytest.skip("h2load is not installed")
    server = place.serve(DEFAULTS)
    (place.base / "body").write_text("[1, 2, 3]")
    done = subprocess.run(["h2load", "--h1", "-n", "2000", "-c", "16", "-d", place.base / "body",
                           "-H", "Content-Type: application/json", server.url + "/invocations"],
                          capture_output=True, text=True, check=True)
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout, done.stdout
    assert server.metrics()["berth_requests_total", "code=200"] == 2000


KEEPS = """
import hashlib
import numpy as np
kept = []
def model_fn(model_dir):
    return None
def predict_fn(data, model):
    kept.append((data, data.copy()))
    wrong = sum(not np.array_equal(view, copy) for view, copy in kept)
    return np.array([data[0], wrong])
"""


def test_arrays_that_a_handler_keeps_stay_as_they_were(place):
    """It keeps every input it ever got; none changes while others arrive beside it."""
    server = place.serve(KEEPS)
    chance = random.Random(4)

    def ask(number):
        values = [number, *(chance.randrange(1 << 40) for _ in range(chance.choice([3, 3000])))]
        return number, server.invoke(json.dumps(values), "application/json").json

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        for number, answer in threads.map(ask, range(200)):
            assert answer == [number, 0]


def test_answers_are_those_of_their_requests(raw):
    """Many at once, of sizes from a few bytes to many pages."""
    chance = random.Random(7)
    bodies = [b"%d:" % i + b"x" * chance.choice([0, 10, 1000, 24_000, 40_000]) for i in range(2000)]
    load = serving_load.run(serving_load.Load(raw.port, bodies, connections=32))
    assert load.answers == [(200, body) for body in bodies]
