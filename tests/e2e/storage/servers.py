"""S3 servers that others wrote, and a proxy that breaks what passes through it."""

import contextlib
import fcntl
import os
import pathlib
import random
import re
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
S3PROXY = ROOT / "build/third_party/s3proxy-3.1.0-jar-with-dependencies.jar"
S3PROXY_KEY = "identity", "credential"


class Endpoint:
    def __init__(self, name, url, key="key", secret="secret", **environment):
        self.name, self.url, self.key, self.secret = name, url, key, secret
        self.environment = {
            "S3_ENDPOINT_URL": url, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, **environment}


def client_of(endpoint):
    """boto3's, that adds no checksums of its own."""
    import boto3
    from botocore.config import Config
    return boto3.client(
        "s3", endpoint_url=endpoint.url, region_name="us-east-1",
        aws_access_key_id=endpoint.key, aws_secret_access_key=endpoint.secret,
        config=Config(request_checksum_calculation="when_required",
                      response_checksum_validation="when_required",
                      s3={"addressing_style": "path"}))


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
            f"s3proxy.identity={S3PROXY_KEY[0]}\ns3proxy.credential={S3PROXY_KEY[1]}\n"
            "jclouds.provider=filesystem-nio2\n"
            f"jclouds.filesystem.basedir={folder / 'objects'}\n")
        server = subprocess.Popen(
            ["java", "-Xmx768m", "-jar", str(S3PROXY), "--properties", str(folder / "conf")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if answers(port, server):
                yield Endpoint("s3proxy", f"http://127.0.0.1:{port}", *S3PROXY_KEY)
                return
        finally:
            server.kill()
            server.wait()
    raise RuntimeError("S3Proxy does not start")


@contextlib.contextmanager
def shared_s3proxy(folder):
    """One S3Proxy for all processes that name the same folder: the first one has it, and waits at its
    end for the others'."""
    told = folder / "s3proxy.url"
    with contextlib.ExitStack() as ours, open(folder / "s3proxy.users", "a") as users:
        with open(folder / "s3proxy.start", "a") as start:
            fcntl.flock(start, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)
            first = not told.exists()
            if first:
                place = pathlib.Path(tempfile.mkdtemp(prefix="s3proxy-", dir=folder))
                told.write_text(ours.enter_context(s3proxy(place)).url)
            endpoint = Endpoint("s3proxy", told.read_text(), *S3PROXY_KEY)
        try:
            yield endpoint
        finally:
            if first:
                fcntl.flock(users, fcntl.LOCK_EX)
                told.unlink()
                ours.close()


def answers(port, server, deadline=60):
    until = time.monotonic() + deadline
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.05)
    return False


HEAD = re.compile(rb"HTTP/1\.1 |(GET|HEAD|PUT|POST|DELETE) /")


def head_size(data):
    """How much of what a peer sent is the head of a message. (Heads are sent in one piece.)"""
    if not HEAD.match(data):
        return 0
    end = data.find(b"\r\n\r\n")
    return end + 4 if end >= 0 else len(data)


def end_connection(connection, reset):
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    # Or the thread that reads from it would keep it open; to be reset it must not be shut whole.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
    connection.close()


class FaultProxy:
    """TCP in front of `endpoint`. `plan(random)` is asked for each connection and returns a dict:

    reset_after: reset after so many bytes of answers     stall_after: say nothing after so many
    cut_after: close in good order after so many          answer: (status, code), instead of S3
    corrupt_at: flip a bit of that byte of the answers' bodies
    corrupt_request_at: of the requests' bodies           corrupt_head_at: of the answers, heads too
    corrupt_every: flip a bit in every so many bytes of the answers' bodies, XML left alone
    answers: say with so manieth answer that the connection ends with it (no fault)

    `requests` are the connections so far, `struck` those whose fault came to pass.
    """

    def __init__(self, endpoint, plan, seed=1):
        host, port = endpoint.url.split("//")[1].split(":")
        self.target, self.plan, self.random = (host, int(port)), plan, random.Random(seed)
        self.changed, self.struck, self.requests = threading.Condition(), 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.environment = {**endpoint.environment, "S3_ENDPOINT_URL": self.url}
        self.closed = threading.Event()
        self.open = []  # sockets of clients
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed.set()
        self.listener.close()

    def wait_for(self, requests=0, struck=0, deadline=60):
        with self.changed:
            assert self.changed.wait_for(
                lambda: self.requests >= requests and self.struck >= struck, deadline)

    def _strike(self):
        with self.changed:
            self.struck += 1
            self.changed.notify_all()

    def drop(self):
        """Ends the connections there are: what comes next is a new one, with a plan of its own."""
        with self.changed:
            for client in self.open:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with self.changed:
                fault = self.plan(self.random) or {}
                self.requests += 1
                self.open = [c for c in self.open if c.fileno() >= 0] + [client]
                self.changed.notify_all()
            threading.Thread(target=self._serve, args=(client, fault), daemon=True).start()

    def _serve(self, client, fault):
        with client:
            if "answer" in fault:
                self._strike()
                self._refuse(client, *fault["answer"])
                return
            with contextlib.suppress(OSError), socket.create_connection(self.target) as server:
                threading.Thread(target=self._pump, args=(
                    client, server, {"corrupt_at": fault.get("corrupt_request_at")}),
                    daemon=True).start()
                self._pump(server, client, fault)

    def _pump(self, source, sink, fault):
        passed = of_bodies = answers = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if data.startswith(b"HTTP/"):
                    answers += 1
                    if answers == fault.get("answers"):
                        data = data.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
                data = self._corrupt(data, passed, of_bodies, fault)
                end = passed + len(data)
                for kind in ("reset_after", "cut_after", "stall_after"):
                    limit = fault.get(kind)
                    if limit is not None and end > limit:
                        sink.sendall(data[:max(0, limit - passed)])
                        self._strike()
                        if kind == "stall_after":
                            self.closed.wait(60)
                        end_connection(sink, kind == "reset_after")
                        end_connection(source, False)
                        return
                sink.sendall(data)
                of_bodies += len(data) - head_size(data)
                passed = end
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _corrupt(self, data, passed, of_bodies, fault):
        head = head_size(data)
        if data.startswith(b"<?xml", head):
            head = len(data)  # nothing could tell: S3's own answers have no checksum
        end = of_bodies + len(data) - head
        at, every = fault.get("corrupt_at"), fault.get("corrupt_every")
        if every and of_bodies // every != end // every:
            at = end // every * every - 1
        place = None
        if at is not None and of_bodies <= at < end:
            place = head + at - of_bodies
        at = fault.get("corrupt_head_at")
        if at is not None and passed <= at < passed + len(data):
            place = at - passed
        if place is None:
            return data
        self._strike()
        return data[:place] + bytes([data[place] ^ 4]) + data[place + 1:]

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
