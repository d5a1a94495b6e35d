"""One request with a WSGI application (PEP 3333)."""

import io
import logging
import re
import sys
from time import monotonic_ns
from urllib.parse import unquote_to_bytes

from . import errors, layout
from .functions import HandlerError, find
from .invocations import ERROR_HEADERS, end_child, header_blob, leave_if_asked, to_bytes

# They are the connection's (RFC 2616, 13.5.1), not an application's.
_HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization te trailers transfer-encoding"
    " upgrade".split()
)
_LOG = logging.getLogger("berth_worker")
_STATUS = re.compile(r"([2-5]\d\d)( [^\0\r\n]*)?\Z")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


def load(name, folders):
    """`module:app`, or `module:make()` for what that function returns. `folders`: where modules are
    looked for, for people."""
    module_name, _, attribute = name.partition(":")
    module, where = find(module_name, folders)
    if module is None:
        raise HandlerError("%s (SAGEMAKER_SERVING_MODULE=%s)" % (where, name))
    made = attribute.endswith("()")
    application = module
    for part in (attribute[:-2] if made else attribute).split("."):
        if not hasattr(application, part):
            raise HandlerError(
                "%r has no %r: SAGEMAKER_SERVING_MODULE names the application as module:name"
                % (getattr(module, "__file__", module_name), attribute)
            )
        application = getattr(application, part)
    if made:
        application = application()
    if not callable(application):
        raise HandlerError(
            "%s is no WSGI application but of type %s" % (name, type(application).__name__)
        )
    return application


class Applications:
    """run(slot) is what the channel calls."""

    def __init__(self, arena, channel, output, application, config):
        self._arena = arena
        self._memory = arena.memory
        self._channel = channel
        self._output = output
        self._application = application
        self._traces = bool(config.get("traceback_in_errors"))
        self._environ = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": config.get("host") or "localhost",
            "SERVER_PORT": str(config.get("port") or 8080),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": "berth",
            "REMOTE_ADDR": "",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        self._dropped = set()
        self.is_child = False

    def run(self, slot):
        begun = monotonic_ns()
        base = self._arena.places[slot][0]
        request = layout.REQUEST.unpack_from(self._memory, base)
        if request[1] or begun >= request[4]:
            self._arena.drop(slot, begun)
            return
        self._output.running.base = base
        predicted = 0
        try:
            environ = self._environ_of(base, request)
            answer = _Answer(self._dropped)
            answer.run(self._application, environ)
            predicted = monotonic_ns()
            self._send(slot, answer.status, header_blob(answer.headers), answer.body())
        except BaseException as error:  # pylint: disable=broad-except
            leave_if_asked(error, self._output, self.is_child)
            trace = errors.trace_of(error)
            self._output.traceback(trace)
            status = 507 if isinstance(error, MemoryError) else 500
            shown = trace if self._traces else None
            body = errors.body(type(error).__name__, errors.text_of(error), shown)
            self._send(slot, status, ERROR_HEADERS, body)
        self._output.end_request()
        self._arena.finish(slot, base, begun, 0, predicted, monotonic_ns(), None)

    def _send(self, slot, status, headers, body):
        if self.is_child:
            end_child(self._output)
        self._arena.respond(slot, status, headers, to_bytes(body), self._channel.send_file)

    def _environ_of(self, base, request):
        _, _, offset, length, _, headers_length, _, _, _, _ = request
        start = base + layout.HEADER_BLOB
        words = self._memory[start : start + headers_length].decode("latin-1").split("\0")
        method, target, content_type = words[:3]
        environ = self._environ.copy()
        raw = target
        if not target.startswith("/"):  # http://host/path, or * of OPTIONS
            target = "/" + target.partition("://")[2].partition("/")[2] if "://" in target else ""
        path, _, query = target.partition("?")
        environ["RAW_URI"] = raw
        environ["REQUEST_METHOD"] = method
        environ["PATH_INFO"] = unquote_to_bytes(path.encode("latin-1")).decode("latin-1")
        environ["QUERY_STRING"] = query
        if content_type:
            environ["CONTENT_TYPE"] = content_type
        environ["CONTENT_LENGTH"] = str(length)
        for name, value in zip(words[4:-1:2], words[5::2]):
            _add_header(environ, name, value)
        start = base + offset
        environ["wsgi.input"] = io.BytesIO(self._memory[start : start + length])
        environ["wsgi.errors"] = sys.stderr
        # As in the access log and in the answer's X-Request-Id.
        environ["berth.request_id"] = layout.request_id(self._memory, base)
        return environ


# Told otherwise, or no longer true: the body is whole and unpacked when it arrives here.
_NOT_HANDED_ON = frozenset(
    "content-type contenttype content-length transfer-encoding content-encoding connection"
    " keep-alive expect".split()
)


def _add_header(environ, name, value):
    if name == ":peer":  # the server's own word: no header can be called that
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = value.split(" ")
        return
    lower = name.lower()
    # X_Y would stand for X-Y, which who checked the headers may have checked.
    if lower in _NOT_HANDED_ON or "_" in name:
        return
    key = "HTTP_" + name.upper().replace("-", "_")
    if key in environ:
        value = environ[key] + ("; " if lower == "cookie" else ",") + value
    elif lower == "host":
        host, colon, port = value.rpartition(":")
        if colon and port.isdigit():
            environ["SERVER_NAME"], environ["SERVER_PORT"] = host, port
        elif value:
            environ["SERVER_NAME"] = value
    environ[key] = value


class _Answer:
    """What one call of the application leaves: status, headers, body."""

    def __init__(self, dropped):
        """`dropped`: the names of headers that were dropped so far."""
        self._dropped = dropped
        self.status = 0
        self.headers = None
        self._chunks = []
        self._sent = False

    def run(self, application, environ):
        result = application(environ, self._start)
        try:
            for chunk in result:
                self._write(chunk)
            if self.headers is None:
                raise AssertionError("the application did not call start_response()")
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def body(self):
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def _start(self, status, headers, exc_info=None):
        if exc_info is not None:
            try:
                if self._sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # it holds this frame
        elif self.headers is not None:
            raise AssertionError("start_response() was called before, and there is no exc_info")
        match = _STATUS.match(status) if isinstance(status, str) else None
        if not match:
            raise ValueError("a status %r: it is like '200 OK'" % (status,))
        for name, value in headers:
            _check_header(name, value)
        self.status = int(match.group(1))
        self.headers = [pair for pair in headers if pair[0].lower() not in _HOP_BY_HOP]
        if len(self.headers) < len(headers):
            self._warn(headers)
        return self._write

    def _warn(self, headers):
        """As other servers do, they are left out, not refused: proxies copy whole heads."""
        for name, _ in headers:
            lower = name.lower()
            if lower in _HOP_BY_HOP and lower not in self._dropped:
                self._dropped.add(lower)
                _LOG.warning("the header %r of answers is left out: it is the connection's", name)

    def _write(self, chunk):
        if self.headers is None:
            raise AssertionError("there is a body before start_response() was called")
        if not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise TypeError("a part of the body is %s, not bytes" % type(chunk).__name__)
        if len(chunk):
            self._sent = True
            self._chunks.append(chunk)


def _check_header(name, value):
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError("a header is no text: %r: %r" % (name, value))
    if not _NAME.match(name) or re.search("[\0\r\n]", value):
        raise ValueError("a header %r: %r cannot be sent" % (name, value))
