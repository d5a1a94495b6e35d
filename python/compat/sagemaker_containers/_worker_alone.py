"""Worker, Request and Response without Flask: WSGI (PEP 3333) by itself.

What they have in common with Flask's is what framework containers use. An exception of a function
goes on to the server, which answers it (Berth's with 500, its class and its text).
"""

from __future__ import annotations

import threading
from http import HTTPStatus

from sagemaker_containers import (
    _content_types,
    _logging,
    _mapping,
    _worker,
    _worker_parts,
)

_running = threading.local()  # environ: of the request that this thread's Worker is at

# Types that are text though they are not called so (as Werkzeug has them).
_TEXTS = frozenset(
    "application/ecmascript application/javascript application/sql application/xml"
    " application/xml-dtd application/xml-external-parsed-entity".split()
)


class Headers(object):
    """Pairs of name and value; names are found in any case."""

    def __init__(self, pairs=None):
        pairs = pairs.items() if hasattr(pairs, "items") else pairs or ()
        self._pairs = [(str(name), str(value)) for name, value in pairs]

    def get(self, name, default=None):
        name = name.lower()
        return next((value for known, value in self._pairs if known.lower() == name), default)

    def __getitem__(self, name):
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name, value):
        kept = [pair for pair in self._pairs if pair[0].lower() != name.lower()]
        self._pairs = kept + [(name, str(value))]

    def __contains__(self, name):
        return self.get(name) is not None

    def __iter__(self):
        return iter(self._pairs)

    def __len__(self):
        return len(self._pairs)

    def items(self):
        return list(self._pairs)

    def extend(self, pairs):
        """Sets each of them."""
        for name, value in Headers(pairs):
            self[name] = value


class Response(object):
    """An answer, JSON where no type is given; itself a WSGI application.

    `response`: text, bytes or an iterable of them; `status`: a number or "404 NOT FOUND".
    """

    default_mimetype = _content_types.JSON

    def __init__(
        self,
        response=None,
        accept=None,
        status=HTTPStatus.OK,
        headers=None,
        mimetype=None,
        direct_passthrough=False,
    ):
        _worker_parts.warn_of_accept(accept)
        self.direct_passthrough = direct_passthrough
        self.headers = Headers(headers)
        if mimetype is None and "Content-Type" not in self.headers:
            mimetype = self.default_mimetype
        if mimetype is not None:
            is_text = mimetype.startswith("text/") or mimetype in _TEXTS
            is_text = is_text or mimetype.endswith("+xml")
            self.headers["Content-Type"] = mimetype + "; charset=utf-8" if is_text else mimetype
        self.status_code = 200
        self.status = status
        self.set_data(response)

    @property
    def status(self):
        return "%d %s" % (self.status_code, self._phrase)

    @status.setter
    def status(self, status):
        code, _, phrase = str(int(status) if not isinstance(status, str) else status).partition(" ")
        self.status_code = int(code)
        if not phrase:
            try:
                phrase = HTTPStatus(self.status_code).phrase.upper()
            except ValueError:
                phrase = "UNKNOWN"
        self._phrase = phrase

    @property
    def content_type(self):
        return self.headers.get("Content-Type")

    @property
    def mimetype(self):
        return (self.content_type or "").partition(";")[0].strip().lower()

    @property
    def data(self):
        return self._body

    def get_data(self, as_text=False):
        return self._body.decode("utf-8") if as_text else self._body

    def set_data(self, value):
        if value is None or isinstance(value, (str, bytes, bytearray)):
            value = (value or b"",)
        parts = (part.encode("utf-8") if isinstance(part, str) else part for part in value)
        self._body = b"".join(parts)
        self.headers["Content-Length"] = len(self._body)

    def __call__(self, environ, start_response):
        start_response(self.status, self.headers.items())
        return [b"" if environ.get("REQUEST_METHOD") == "HEAD" else self._body]


class Request(_mapping.MappingMixin):
    """A request, and a mapping of its properties."""

    default_mimetype = _content_types.JSON

    def __init__(self, environ=None, serving_env=None):
        """`environ`: WSGI's, by default of the request that this thread's Worker is at;
        `serving_env`: where the default accepted type is from. RuntimeError outside of a request
        where no `environ` is given."""
        environ = environ or getattr(_running, "environ", None)
        if environ is None:
            raise RuntimeError("there is no request here: a Worker's function is to make Request()")
        self.environ = environ
        self.headers = Headers(_header_pairs(environ))
        self._default_accept = (serving_env or _worker.env).default_accept

    @property
    def method(self):
        """str: "POST"."""
        return self.environ["REQUEST_METHOD"]

    @property
    def path(self):
        """str: "/invocations"."""
        return self.environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")

    @property
    def query_string(self):
        """bytes: what stands behind the "?"."""
        return self.environ.get("QUERY_STRING", "").encode("latin-1")

    @property
    def content_type(self):
        """str: the header ContentType, else Content-Type, else JSON."""
        return _worker_parts.content_type_of(self.headers)

    @property
    def content_length(self):
        """int or None: of the body, as the client says."""
        length = self.environ.get("CONTENT_LENGTH") or ""
        return int(length) if length.isdigit() else None

    @property
    def accept(self):
        """str: the header Accept; the container's default where there is none, or it is */*."""
        return _worker_parts.accept_of(self.headers, self._default_accept)

    @property
    def data(self):
        """bytes: the body."""
        # Kept in the environ: the Transformer's Request and the function's read the same stream.
        if "berth.body" not in self.environ:
            stream = self.environ["wsgi.input"]
            self.environ["berth.body"] = stream.read(self.content_length or 0)
        return self.environ["berth.body"]

    @property
    def content(self):
        """str for JSON and CSV, else bytes: the body."""
        return self.get_data(as_text=self.content_type in _content_types.UTF8_TYPES)

    def get_data(self, as_text=False):
        return self.data.decode("utf-8", "replace") if as_text else self.data

    def get_json(self, force=False, silent=False, cache=True):
        """The value that the body is, whatever its type is said to be. ValueError where it is none,
        None where `silent`."""
        import json

        try:
            return json.loads(self.data)
        except ValueError:
            if silent:
                return None
            raise


class Worker(object):
    """A WSGI application with /invocations, /ping and, if it is given a function for them,
    /execution-parameters. The functions take no argument; they return a Response, text, bytes, a
    dict (JSON), or a tuple of one of them with status, headers or both."""

    def __init__(
        self,
        transform_fn,
        initialize_fn=None,
        module_name=None,
        healthcheck_fn=None,
        execution_parameters_fn=None,
    ):
        """`initialize_fn`: called before the first request; again before the next where it raised.
        `module_name`: a name for this, by default the user's module."""
        self.import_name = self.name = module_name or _worker.env.module_name
        _logging.configure_logger(_worker.env.log_level)
        self.logger = _logging.get_logger()
        self._initialize_fn = initialize_fn
        self._initializing = threading.Lock()
        healthcheck_fn = healthcheck_fn or _worker.default_healthcheck_fn
        self._routes = {
            "/invocations": (transform_fn, ("POST",)),
            "/ping": (healthcheck_fn, ("GET", "HEAD")),
        }
        if execution_parameters_fn:
            self._routes["/execution-parameters"] = execution_parameters_fn, ("GET", "HEAD")

    def __call__(self, environ, start_response):
        return self.wsgi_app(environ, start_response)

    def wsgi_app(self, environ, start_response):
        before = getattr(_running, "environ", None)
        _running.environ = environ
        try:
            self._initialize()
            return self._answer(environ)(environ, start_response)
        finally:
            _running.environ = before

    def _initialize(self):
        if self._initialize_fn is None:
            return
        with self._initializing:
            if self._initialize_fn is not None:
                self._initialize_fn()
                self._initialize_fn = None

    def _answer(self, environ):
        function, methods = self._routes.get(environ.get("PATH_INFO", ""), (None, ()))
        if function is None:
            return Response("Not Found", status=404, mimetype="text/plain")
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return Response(headers={"Allow": ", ".join((*methods, "OPTIONS"))})
        if environ["REQUEST_METHOD"] not in methods:
            allow = {"Allow": ", ".join((*methods, "OPTIONS"))}
            return Response("Method Not Allowed", status=405, mimetype="text/plain", headers=allow)
        return _made_response(function())


def _made_response(value):
    """What a function returned, as Flask understands it. TypeError for what Flask refuses."""
    status = headers = None
    if isinstance(value, tuple):
        if len(value) == 3:
            value, status, headers = value
        elif len(value) == 2 and isinstance(value[1], (dict, list, tuple, Headers)):
            value, headers = value
        elif len(value) == 2:
            value, status = value
        else:
            raise TypeError("a tuple that is returned is (body, status), (body, headers) or both")
    if isinstance(value, dict):
        import json

        value = Response(json.dumps(value) + "\n")
    elif isinstance(value, (str, bytes, bytearray)):
        value = Response(value, mimetype="text/html")
    elif value is None or not callable(value):
        raise TypeError("a function of a Worker returned %s: no answer" % type(value).__name__)
    if status is not None:
        value.status = status
    if headers:
        value.headers.extend(headers)
    return value


def _header_pairs(environ):
    for name, value in environ.items():
        if name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            yield name.replace("_", "-").title(), value
        elif name.startswith("HTTP_"):
            yield name[5:].replace("_", "-").title(), value
