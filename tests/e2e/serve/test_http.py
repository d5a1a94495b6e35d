"""The HTTP server, with clients that are not ours: curl, http.client, and bytes on a socket.

Driven through berth_http_tool (src/serving/http/testing/main.cc), whose service needs no worker.
"""

import concurrent.futures
import gzip
import http.client
import os
import pathlib
import resource
import signal
import socket
import subprocess
import zlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
PATIENCE = 30


class Tool:
    def __init__(self, path, *options, **popen):
        self.process = subprocess.Popen(
            [path, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen
        )
        said = self.process.stdout.readline().split()
        assert said[:2] == ["listening", "on"], self.process.stderr.read()
        self.port = int(said[2])
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def client(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def curl(self, *arguments, **options):
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--max-time", str(PATIENCE), *arguments],
            capture_output=True, check=False, **options,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="session")
def path():
    found = pathlib.Path(os.environ.get("BERTH_HTTP_TOOL", ROOT / "build/bin/berth_http_tool"))
    if not found.exists():
        pytest.skip(f"{found} is not built")
    return found


@pytest.fixture
def tool(path):
    with Tool(path) as running:
        yield running


def read_all(sock):
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def exchange(tool, request):
    """All that comes back for these bytes until the server closes."""
    with tool.connect() as sock:
        sock.sendall(request)
        return read_all(sock)


BODY = bytes(range(256)) * 4000


@pytest.mark.parametrize("where", ["/echo", "/file"])
@pytest.mark.parametrize("size", [0, 1, 16384, 16385, len(BODY)])
def test_curl_gets_back_what_it_sends(tool, where, size):
    out = tool.curl("--data-binary", "@-", tool.url + where, input=BODY[:size])
    assert out == BODY[:size]


def test_curl_sends_chunked_and_waits_for_continue(tool):
    headers = ["-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"]
    out = tool.curl(*headers, "--include", "--data-binary", "@-", tool.url + "/length", input=BODY)
    assert out.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert out.endswith(b"\r\n\r\n1024000\n")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("transfer", [[], ["-H", "Transfer-Encoding: chunked"]])
def test_curl_sends_compressed(tool, coding, transfer):
    packed = gzip.compress(BODY) if coding == "gzip" else zlib.compress(BODY)
    encoding = ["-H", f"Content-Encoding: {coding}", *transfer]
    assert tool.curl(*encoding, "--data-binary", "@-", tool.url + "/echo", input=packed) == BODY


def test_curl_head(tool):
    out = tool.curl("--head", tool.url + "/fixed")
    assert b"\r\nContent-Length: 20\r\n" in out


def test_curl_over_ipv6(tool):
    if not pathlib.Path("/proc/net/if_inet6").exists():
        pytest.skip("there is no IPv6")
    assert tool.curl("-g", f"http://[::1]:{tool.port}/fixed") == b"twenty bytes of it.\n"


def test_http_client_keeps_its_connection(tool):
    client = tool.client()
    try:
        client.request("GET", "/fixed")
        client.getresponse().read()
        sock = client.sock
        for size in (0, 10, 100_000):
            client.request("POST", "/echo", BODY[:size], {"Content-Type": "x/y"})
            answer = client.getresponse()
            assert answer.getheader("Content-Type") == "x/y"
            assert answer.read() == BODY[:size]
        client.request("POST", "/echo", (BODY[i : i + 999] for i in range(0, 9990, 999)),
                       encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
        assert client.getresponse().read() == BODY[:9990]
        client.request("DELETE", "/none")
        assert client.getresponse().status == 404
        assert client.sock is sock
    finally:
        client.close()


def test_http_client_reads_why_its_body_was_refused(path):
    """The client sends all of it before it reads: the answer must not be lost to a reset."""
    with Tool(path, "--body-limit", "1000") as tool:
        client = tool.client()
        try:
            client.request("POST", "/echo", b"x" * 20_000_000)
            answer = client.getresponse()
            assert answer.status == 413
            assert answer.read() == (
                b'{"error": "ContentTooLarge", "error-message": "the body is larger than this '
                b'server allows: at most 1000 bytes (SAGEMAKER_MAX_PAYLOAD_IN_MB)"}\n'
            )
        finally:
            client.close()


SMUGGLED = b"GET /fixed HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + b"Content-Length: 0\r\nContent-Length: 33\r\n\r\n",
        POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: x\r\nTransfer-Encoding: y\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST + b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"X\0: y\r\nContent-Length: 0\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 99999999999999999999\r\n\r\n",
        POST + b"Content-Length: 0\n\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\n\n",
    ],
)
def test_smuggling_is_refused_and_nothing_behind_it_answered(tool, request_bytes):
    answer = exchange(tool, request_bytes + SMUGGLED)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in answer


def test_pipelined_answers_come_in_order(tool):
    requests = b"".join(POST + b"Content-Length: 3\r\n\r\n%03d" % i for i in range(300))
    answer = exchange(tool, requests + b"GET /fixed HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    bodies = [part[-3:] for part in answer.split(b"HTTP/1.1 200 OK")[1:-1]]
    assert bodies == [b"%03d" % i for i in range(300)]


def test_a_client_that_goes_away_is_noticed(tool):
    with tool.connect() as sock:
        sock.sendall(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        while tool.curl(tool.url + "/waiting") != b"1\n":
            pass
    while tool.curl(tool.url + "/waiting") != b"0\n":
        pass


def test_a_drain_answers_what_is_under_way(tool):
    with tool.connect() as slow, tool.connect() as other:
        slow.sendall(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        while tool.curl(tool.url + "/waiting") != b"1\n":
            pass
        other.sendall(b"GET /release HT")
        # The head's first half is read before the signal is.
        tool.curl(tool.url + "/fixed")
        tool.process.send_signal(signal.SIGTERM)
        # The listener is gone once a connection is refused.
        with pytest.raises(ConnectionError):
            while True:
                tool.connect().close()
        other.sendall(b"TP/1.1\r\nHost: x\r\n\r\n")
        assert b"\r\nConnection: close\r\n" in read_all(other)
        assert read_all(slow).endswith(b"released\n")
    assert tool.process.wait(PATIENCE) == 0


@pytest.mark.skipif("UBSAN_OPTIONS" in os.environ, reason="the sanitizer needs a descriptor itself")
def test_without_descriptors_it_waits_and_recovers(path):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

    with Tool(path, preexec_fn=few) as tool:
        socks = [tool.connect() for _ in range(60)]
        try:
            request = b"GET /fixed HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            # All are answered: those that got no descriptor, when others have ended.
            with concurrent.futures.ThreadPoolExecutor(60) as pool:
                def ask(sock):
                    sock.sendall(request)
                    return read_all(sock)
                answers = list(pool.map(ask, socks))
            assert all(answer.startswith(b"HTTP/1.1 200 OK\r\n") for answer in answers)
        finally:
            for sock in socks:
                sock.close()
        assert tool.cpu_seconds() < 1
        tool.process.send_signal(signal.SIGTERM)
        assert tool.process.wait(PATIENCE) == 0
        assert tool.process.stderr.read().count("cannot accept a connection: Too many open files") >= 1


def test_a_taken_port_is_named(path, tool):
    done = subprocess.run([path, "--port", str(tool.port)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"port {tool.port} is taken by another process: stop that one, or serve on another port\n"
    )
