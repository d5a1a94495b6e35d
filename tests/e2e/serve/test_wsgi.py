"""WSGI applications in place of a handler."""

import contextlib
import json

import pytest

CHECKED = """
from wsgiref.validate import validator

def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
    text = "%s %s?%s %s %d" % (environ["REQUEST_METHOD"], environ["PATH_INFO"],
                               environ["QUERY_STRING"], environ.get("HTTP_X_MINE"), len(body))
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Length", str(len(body)))])
    return [text.encode("latin-1")]

app = validator(application)
"""

FLASK = """
import flask
app = flask.Flask(__name__)

@app.route("/invocations", methods=["POST"])
def invocations():
    return flask.jsonify(flask.request.get_json())

@app.route("/hello/<name>")
def hello(name):
    return "hello " + name, 203, {"X-Mine": "yes"}

@app.route("/stream")
def stream():
    return flask.Response(("piece %d\\n" % i for i in range(1000)), mimetype="text/plain")

@app.route("/breaks")
def breaks():
    return flask.Response(broken(), mimetype="text/plain")

def broken():
    yield "a piece"
    raise RuntimeError("in the middle")

@app.route("/upload", methods=["PUT"])
def upload():
    return str(len(flask.request.data))

@app.route("/fails")
def fails():
    raise RuntimeError("of the application")
"""


@pytest.fixture
def flask(place):
    pytest.importorskip("flask")
    place.handler(FLASK, "web.py")
    return place.server(SAGEMAKER_SERVING_MODULE="web:app").start().ready()


def test_a_checked_application(place):
    place.handler(CHECKED, "web.py")
    server = place.server(SAGEMAKER_SERVING_MODULE="web:app").start().ready()
    answer = server.invoke(b"12345", "x/y", X_Mine="one")
    assert answer.text == "POST /invocations? one 5"
    assert answer.headers["X-Length"] == "5"
    # Who validates would say so in place of an answer.
    assert server.get("/a%20b/%c3%a9?x=1&y=%20").body == "GET /a b/é?x=1&y=%20 None 0".encode()
    assert server.request("DELETE", "/x").text == "DELETE /x? None 0"
    head = server.request("HEAD", "/x")
    assert head.status == 200 and head.body == b""
    chunked = server.request("POST", "/x", iter([b"a" * 70_000, b"b" * 70_000]),
                             {"Content-Type": "x/y"})
    assert chunked.text == "POST /x? None 140000"
    assert server.get("/ping").body == b""
    assert "berth_requests_total" in server.get("/metrics").text


def test_flask(flask):
    with contextlib.closing(flask.client()) as client:
        for i in range(20):
            client.request("POST", "/invocations", json.dumps([i]),
                           {"Content-Type": "application/json"})
            assert json.loads(client.getresponse().read()) == [i]
    hello = flask.get("/hello/you")
    assert (hello.status, hello.text, hello.headers["X-Mine"]) == (203, "hello you", "yes")
    assert flask.get("/stream").text == "".join(f"piece {i}\n" for i in range(1000))
    assert flask.request("HEAD", "/hello/you").headers["Content-Length"] == "9"
    assert flask.request("PUT", "/upload", b"x" * 1_000_000).text == "1000000"
    assert flask.get("/none").status == 404
    assert flask.request("DELETE", "/hello/you").status == 405
    fails = flask.get("/fails")
    assert fails.status == 500 and "of the application" not in fails.text
    flask.log.wait("RuntimeError: of the application")
    assert flask.get("/breaks").status == 500
    flask.log.wait("RuntimeError: in the middle")
    assert flask.get("/hello/you").status == 203


def test_no_such_application(place):
    place.handler("x = 1\n", "web.py")
    server = place.server(SAGEMAKER_SERVING_MODULE="web:app").start()
    assert server.wait() == 2
    assert any("cannot serve: " in line and "web.py" in line and "'app'" in line
               for line in server.log.lines), server.log.text


KNOWS = """
def app(environ, start_response):
    names = "REMOTE_ADDR", "REMOTE_PORT", "SERVER_SOFTWARE", "RAW_URI", "CONTENT_LENGTH"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Connection", "keep-alive")])
    return ["\\n".join(environ[name] for name in names).encode()]
"""


def test_it_is_found_where_serve_was_started(place, tmp_path):
    """As with gunicorn, whose images have it in their working directory."""
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "wsgi.py").write_text(KNOWS)
    server = place.server(SAGEMAKER_SERVING_MODULE="wsgi:app")
    server.start(cwd=tmp_path / "program").ready()
    with contextlib.closing(server.client()) as client:
        client.request("GET", "/a%20b?c")
        port = client.sock.getsockname()[1]
        assert client.getresponse().read().decode().split("\n") == [
            "127.0.0.1", str(port), "berth", "/a%20b?c", "0",
        ]
    # Neither length nor chunks: no body.
    answer = server.exchange(b"POST /invocations HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"\n0"), answer
    server.log.wait("WARN  handler .* berth_worker: the header 'Connection' of answers is left out")


def test_a_module_that_is_nowhere(place, tmp_path):
    (tmp_path / "program").mkdir()
    server = place.server(SAGEMAKER_SERVING_MODULE="wsgi:app").start(cwd=tmp_path / "program")
    assert server.wait() == 2
    assert any(f"cannot serve: no module 'wsgi' was found; looked in '{place.code}' (holds nothing);"
               f" '{tmp_path}/program' (holds nothing) (SAGEMAKER_SERVING_MODULE=wsgi:app)" in line
               for line in server.log.lines), server.log.text


def test_an_application_needs_no_model(place, tmp_path):
    folder = tmp_path / "image" / "code"
    folder.mkdir(parents=True)
    (folder / "web.py").write_text(CHECKED)
    server = place.server(SAGEMAKER_BASE_DIR=str(folder.parent),
                          SAGEMAKER_SERVING_MODULE="web:app").start().ready()
    assert server.get("/x").text == "GET /x? None 0"


def test_an_application_has_a_request_id_of_its_own(place):
    place.handler(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('x-request-id', 'mine')])\n"
        "    return [b'x']\n",
        "web.py",
    )
    server = place.serve(SAGEMAKER_SERVING_MODULE="web:app")
    assert server.invoke("x", "text/plain").headers.get_all("X-Request-Id") == ["mine"]
