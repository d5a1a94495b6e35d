"""S3 servers that others wrote, and a proxy that breaks what passes through it."""

import contextlib
import os
import pathlib
import random
import socket
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
S3PROXY = ROOT / "build/third_party/s3proxy-3.1.0-jar-with-dependencies.jar"


class Endpoint:
    def __init__(self, name, url, key="key", secret="secret", **environment):
        self.name, self.url, self.key, self.secret = name, url, key, secret
        self.environment = {
            "S3_ENDPOINT_URL": url, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, **environment}


@contextlib.contextmanager
def moto():
    from moto.server import ThreadedMotoServer
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield Endpoint("moto", "http://%s:%d" % server.get_host_and_port())
    finally:
        server.stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def s3proxy(folder):
    """Verifies signatures; keeps objects in `folder`."""
    (folder / "objects").mkdir(parents=True)
    for attempt in range(5):  # another process may take the port meanwhile
        port = free_port()
        (folder / "conf").write_text(
            "s3proxy.authorization=aws-v2-or-v4\n"
            f"s3proxy.endpoint=http://127.0.0.1:{port}\n"
            "s3proxy.identity=identity\ns3proxy.credential=credential\n"
            "jclouds.provider=filesystem-nio2\n"
            f"jclouds.filesystem.basedir={folder / 'objects'}\n")
        server = subprocess.Popen(
            ["java", "-Xmx768m", "-jar", str(S3PROXY), "--properties", str(folder / "conf")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if answers(port, server):
                yield Endpoint("s3proxy", f"http://127.0.0.1:{port}", "identity", "credential")
                return
        finally:
            server.kill()
            server.wait()
    raise RuntimeError("S3Proxy does not start")


def answers(port, server, deadline=60):
    until = time.monotonic() + deadline
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.05)
    return False


class FaultProxy:
    """TCP in front of `endpoint`. `plan(random)` is asked for each connection and returns a dict:

    reset_after: reset after so many bytes of answers     stall_after: say nothing after so many
    corrupt_at: flip a bit of that byte of the answers    corrupt_request_at: of the requests
    cut_after: close in good order after so many          answer: (status, code), instead of S3
    corrupt_every: flip a bit in every so many bytes
    """

    def __init__(self, endpoint, plan, seed=1):
        host, port = endpoint.url.split("//")[1].split(":")
        self.target, self.plan, self.random = (host, int(port)), plan, random.Random(seed)
        self.lock, self.faults, self.requests = threading.Lock(), 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.environment = {**endpoint.environment, "S3_ENDPOINT_URL": self.url}
        self.closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed.set()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                fault = self.plan(self.random) or {}
                self.requests += 1
                self.faults += bool(fault)
            threading.Thread(target=self._serve, args=(client, fault), daemon=True).start()

    def _serve(self, client, fault):
        with client:
            if "answer" in fault:
                self._refuse(client, *fault["answer"])
                return
            with contextlib.suppress(OSError), socket.create_connection(self.target) as server:
                threading.Thread(target=self._pump, args=(
                    client, server, {"corrupt_at": fault.get("corrupt_request_at")}),
                    daemon=True).start()
                self._pump(server, client, fault)

    def _pump(self, source, sink, fault):
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                end = passed + len(data)
                at = fault.get("corrupt_at")
                every = fault.get("corrupt_every")
                if every and passed // every != end // every:
                    at = end // every * every - 1
                if at is not None and passed <= at < end:
                    data = bytearray(data)
                    data[at - passed] ^= 4
                for kind in ("reset_after", "cut_after", "stall_after"):
                    limit = fault.get(kind)
                    if limit is not None and end > limit:
                        sink.sendall(data[:max(0, limit - passed)])
                        if kind == "stall_after":
                            self.closed.wait(60)
                        elif kind == "reset_after":
                            sink.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                            b"\1\0\0\0\0\0\0\0")
                        sink.close()
                        source.close()
                        return
                sink.sendall(data)
                passed = end
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _refuse(self, client, status, code):
        with contextlib.suppress(OSError):
            client.settimeout(10)
            while b"\r\n\r\n" not in client.recv(65536):
                pass
            body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            client.sendall(f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\n"
                           "Connection: close\r\n\r\n".encode() + body)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass


def clean_environment(home):
    """What a test's process gets: nothing of this machine's AWS configuration or proxies."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true",
            "LANG": "C.UTF-8"}
