"""Small HTTP servers that answer as a test tells them, and one that changes what another answers."""

import contextlib
import http.client
import http.server
import threading


@contextlib.contextmanager
def http_server(answer):
    """answer(method, path, headers, body) -> (status, text[, headers]). Yields the port."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content, *headers = answer(self.command, self.path, self.headers, body)
            content = content.encode() if isinstance(content, str) else content
            headers = {"content-length": str(len(content)), **(headers[0] if headers else {})}
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # nobody may be listening any more
                self.wfile.write(content)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def ask(endpoint, method, path, headers, body):
    """What `endpoint` answers: (status, bytes, headers)."""
    own = {"connection", "transfer-encoding", "date", "server"}
    connection = http.client.HTTPConnection(endpoint.url.split("//")[1], timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        content = answer.read()
        kept = {name.lower(): value for name, value in answer.getheaders()
                if name.lower() not in own}
        if method != "HEAD":
            kept["content-length"] = str(len(content))
        return answer.status, content, kept
