"""WSGI applications (PEP 3333)."""

import io
import json

import pytest
from worker_double import FILE


@pytest.fixture
def app(worker):
    """A worker with module `inference` as WSGI module, application `app`."""

    def start(source, **config):
        config = {"mode": "wsgi", "application": "inference:app", **config}
        double = worker(source, **config)
        return double

    return start


SHOW = """
    import json
    def app(environ, start_response):
        body = environ["wsgi.input"].read()
        shown = {key: value for key, value in environ.items() if isinstance(value, (str, bool))}
        shown["body"] = body.decode("latin-1")
        shown["version"] = environ["wsgi.version"]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(shown).encode()]
"""


def test_environ(app):
    double = app(SHOW)
    assert double.first == {"type": "loaded", "native_decode": [], "numpy": double.first["numpy"]}
    response = double.ask(
        b"body",
        method="PUT",
        target="/a%20b/%C3%A9?x=%20&y",
        content_type="text/x; y=z",
        headers=[
            ("Host", "example.org:81"), ("Content-Type", "text/x; y=z"), ("Content-Length", "9"),
            ("X-Two", "1"), ("x-two", "2"), ("Cookie", "a=1"), ("Cookie", "b=2"), ("X_Bad", "1"),
            ("Transfer-Encoding", "chunked"), ("Latin", "\xe9"), (":peer", "192.0.2.7 4711"),
        ],
    )  # fmt: skip
    assert response.json() == {
        "REQUEST_METHOD": "PUT",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/\xc3\xa9",
        "QUERY_STRING": "x=%20&y",
        "CONTENT_TYPE": "text/x; y=z",
        "CONTENT_LENGTH": "4",
        "SERVER_NAME": "example.org",
        "SERVER_PORT": "81",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "berth",
        "REMOTE_ADDR": "192.0.2.7",
        "REMOTE_PORT": "4711",
        "RAW_URI": "/a%20b/%C3%A9?x=%20&y",
        "HTTP_HOST": "example.org:81",
        "HTTP_X_TWO": "1,2",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_LATIN": "\xe9",
        "berth.request_id": "r1",
        "wsgi.url_scheme": "http",
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "body": "body",
        "version": [1, 0],
    }


@pytest.mark.parametrize(
    "target, path, query",
    [
        ("/", "/", ""),
        ("http://h/a?b", "/a", "b"),
        ("http://h", "/", ""),
        ("*", "", ""),
        ("/a?b?c", "/a", "b?c"),
        ("//a", "//a", ""),
    ],
)
def test_targets(app, target, path, query):
    shown = app(SHOW, host="0.0.0.0", port=8081).ask(content_type="", target=target).json()
    assert (shown["PATH_INFO"], shown["QUERY_STRING"]) == (path, query)
    assert (shown["SERVER_NAME"], shown["SERVER_PORT"]) == ("0.0.0.0", "8081")
    assert "CONTENT_TYPE" not in shown


def test_the_validator_passes(app):
    double = app(
        """
        import warnings
        warnings.simplefilter("error")
        from wsgiref.validate import validator
        @validator
        def app(environ, start_response):
            environ["wsgi.errors"].write("noted\\n")
            size = int(environ["CONTENT_LENGTH"])
            body = environ["wsgi.input"].read(size) if size else b""
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            write(b"<")
            return [body, b">"]
        """
    )
    for method in ("GET", "POST", "PUT"):
        response = double.ask(b"x" * 5, method=method, target="/a?b=c", headers=[("Host", "h")])
        assert (response.status, response.body) == (200, b"<xxxxx>"), double.text()
    assert double.lines() == ["\x1er1\x1fnoted"] * 3


def test_flask(app):
    double = app(
        """
        from flask import Flask, request, jsonify
        application = Flask(__name__)
        @application.route("/invocations", methods=["POST"])
        def invoke():
            application.logger.warning("asked")
            response = jsonify(data=request.get_json(), arg=request.args.get("q"))
            response.set_cookie("a", "1")
            response.set_cookie("b", "2")
            return response, 201
        @application.route("/boom")
        def boom(): raise ValueError("inside")
        """,
        application="inference:application",
    )
    response = double.ask(b'{"x": 1}', target="/invocations?q=%C3%A9")
    assert (response.status, response.json()) == (201, {"data": {"x": 1}, "arg": "é"})
    assert [value for name, value in response.headers if name == "Set-Cookie"] == [
        "a=1; Path=/", "b=2; Path=/",
    ]  # fmt: skip
    assert double.ask(method="GET", target="/none").status == 404
    assert double.ask(method="GET", target="/boom").status == 500
    assert all(line.startswith("\x1er1\x1f") for line in double.lines())
    assert "ValueError: inside" in double.text()


def test_close_is_called_and_iterables_are_joined(app):
    double = app(
        """
        class Body:
            def __init__(self, parts): self.parts = parts
            def __iter__(self):
                for part in self.parts:
                    if part is None: raise ValueError("in the middle")
                    yield part
            def close(self): print("closed")
        def app(environ, start_response):
            start_response("299 Odd", [])
            return Body([b"a", b"", b"b", None][: int(environ["QUERY_STRING"])])
        """
    )
    response = double.ask(target="/?3")
    assert (response.status, response.body, response.headers) == (299, b"ab", [])
    assert double.ask(target="/?4").json() == {"error": "ValueError", "error-message": "in the middle"}
    assert double.lines()[0:2] == ["\x1er1\x1fclosed"] * 2


@pytest.mark.parametrize(
    "code, error, message",
    [
        ("return [b'x']", "AssertionError", "there is a body before start_response() was called"),
        ("return []", "AssertionError", "the application did not call start_response()"),
        ("start('200 OK', []); start('200 OK', [])", "AssertionError",
         "start_response() was called before, and there is no exc_info"),
        ("start('OK', [])", "ValueError", "a status 'OK': it is like '200 OK'"),
        ("start('100 Continue', [])", "ValueError", "a status '100 Continue': it is like '200 OK'"),
        ("start('200 OK', [('A', 'b\\r\\nC: d')])", "ValueError", "a header 'A': 'b\\r\\nC: d' cannot be sent"),
        ("start('200 OK', [('A:', 'b')])", "ValueError", "a header 'A:': 'b' cannot be sent"),
        ("start('200 OK', [('A', 1)])", "TypeError", "a header is no text: 'A': 1"),
        ("start('200 OK', []); return ['text']", "TypeError", "a part of the body is str, not bytes"),
    ],
)  # fmt: skip
def test_broken_applications_are_500(app, code, error, message):
    double = app("def app(environ, start):\n    " + code + "\n")
    response = double.ask()
    assert response.status == 500
    assert response.json() == {"error": error, "error-message": message}
    assert f"{error}: {message}" in double.text().replace("\x1er1\x1f", "")


def test_exc_info_replaces_the_start_until_something_is_sent(app):
    double = app(
        """
        import sys
        def app(environ, start_response):
            write = start_response("200 OK", [("A", "b")])
            if environ["QUERY_STRING"]:
                write(b"sent")
            try:
                raise ValueError("late")
            except ValueError:
                start_response("503 Sorry", [], sys.exc_info())
            return [b"sorry"]
        """
    )
    response = double.ask()
    assert (response.status, response.headers, response.body) == (503, [], b"sorry")
    response = double.ask(target="/?x")
    assert response.json() == {"error": "ValueError", "error-message": "late"}


def test_a_large_answer_and_a_large_request(app):
    double = app(
        """
        def app(environ, start_response):
            start_response("200 OK", [("A", "b")])
            return [environ["wsgi.input"].read()] * 2
        """
    )
    response = double.ask(b"x" * 1000000, slot=16)
    assert (response.kind, response.headers) == (FILE, [("A", "b")])
    assert response.body == b"x" * 2000000


@pytest.mark.parametrize(
    "application, error",
    [
        ("inference:other", "'{file}' has no 'other': SAGEMAKER_SERVING_MODULE names the application as module:name"),
        ("inference:other()", "'{file}' has no 'other()': SAGEMAKER_SERVING_MODULE names the application as module:name"),
        ("inference:name", "inference:name is no WSGI application but of type str"),
        ("missing:app", "no module 'missing' was found; looked in '{code}' (holds 'inference.py'); '{start}' (holds 'nothing.txt') (SAGEMAKER_SERVING_MODULE=missing:app)"),
    ],
)  # fmt: skip
def test_an_application_that_is_not_there(app, tmp_path, application, error):
    start = tmp_path / "start"
    start.mkdir()
    (start / "nothing.txt").touch()
    double = app("name = 'text'", application=application, start_dir=str(start))
    assert (double.first["type"], double.first["stage"]) == ("failed", "application")
    assert double.first["error"] == error.format(
        file=double.code / "inference.py", code=double.code, start=start
    )
    assert double.ended() == 1


def test_modules_are_looked_for_where_serve_was_started(app, tmp_path):
    """As gunicorn does; the code's folder comes first."""
    body = "def app(environ, start): start('200 OK', []); return [b'%s']\n"
    for name in ("inference", "image"):
        (tmp_path / (name + ".py")).write_text(body % "image")
    double = app(body % "code", start_dir=str(tmp_path))
    assert double.ask().body == b"code"
    double = app(body % "code", start_dir=str(tmp_path), application="image:app")
    assert double.ask().body == b"image"


def test_a_function_that_makes_the_application(app):
    double = app(
        """
        def create(): return lambda environ, start: (start("200 OK", []), [b"made"])[1]
        """,
        application="inference:create()",
    )
    assert double.ask().body == b"made"


def test_headers_of_the_connection_are_left_out(app):
    """Proxies copy whole heads; other servers drop these, too."""
    double = app(
        """
        def app(environ, start):
            start("200 OK", [("Connection", "keep-alive"), ("A", "b"), ("TE", "x")])
            return [b"x"]
        """
    )
    for _ in range(2):
        response = double.ask()
        assert (response.status, response.headers) == (200, [("A", "b")])
    assert double.lines() == [
        "\x1er1\x1fberth_worker: the header %r of answers is left out: it is the connection's" % name
        for name in ("Connection", "TE")
    ]


def test_an_instance_of_a_class_is_an_application(app):
    double = app(
        """
        class App:
            def __call__(self, environ, start_response):
                start_response("200 OK", [])
                return (b"instance",)
        class holder: app = App()
        """,
        application="inference:holder.app",
    )
    assert double.ask().body == b"instance"
