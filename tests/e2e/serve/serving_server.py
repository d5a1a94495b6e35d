"""The real `serve` under test: its start, its log, its processes, its end."""

import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import uuid

# For anything that is waited for; nothing takes so long but on a machine that stands still.
PATIENCE = 60
ROOT = pathlib.Path(__file__).resolve().parents[3]
PYTHON = ROOT / "build" / "venv" / "bin"
MARK = "BERTH_TEST_MARK"


def until(condition, what, patience=PATIENCE):
    """Asks again and again what no event tells: the state of other processes."""
    end = time.monotonic() + patience
    pause = threading.Event()
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"not within {patience} s: {what}"
        pause.wait(0.01)


@dataclasses.dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """Of an error's body, which is JSON with these two fields and nothing else."""
        assert self.headers["Content-Type"] == "application/json"
        assert sorted(self.json) == ["error", "error-message"]
        assert "Traceback" not in self.text
        return self.json["error"], self.json["error-message"]


class Log:
    """All that the server writes, as lines, and who waits for one of them."""

    def __init__(self, stream):
        self._stream = stream
        self._lines = []
        self._changed = threading.Condition()
        self._ended = False
        self._reads = threading.Event()
        self._reads.set()
        self._keeps = True
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        for line in self._stream:
            self._reads.wait()
            if not self._keeps:
                continue
            with self._changed:
                self._lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait(self, pattern, after=0, patience=PATIENCE):
        """The first match from line number `after` on; fails where the log ends without one."""
        expression = re.compile(pattern)
        end = time.monotonic() + patience
        with self._changed:
            while True:
                for line in self._lines[after:]:
                    if found := expression.search(line):
                        return found
                left = end - time.monotonic()
                assert not self._ended and left > 0, f"no {pattern!r} in the log:\n{self.text}"
                self._changed.wait(left)

    def pause(self):
        """From now on nobody reads."""
        self._reads.clear()

    def discard(self):
        """From now on what is read is forgotten."""
        self._keeps = False
        self._reads.set()

    def join(self):
        self._reads.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "somebody still holds the server's stderr open"
        self._stream.close()

    def __len__(self):
        return len(self._lines)

    @property
    def lines(self):
        with self._changed:
            return list(self._lines)

    @property
    def text(self):
        return "\n".join(self.lines[-400:])


class Server:
    """`serve` for a folder laid out as /opt/ml, on a port that the system chooses."""

    def __init__(self, berth, base, **variables):
        self.base = pathlib.Path(base)
        self.mark = uuid.uuid4().hex
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SM_", "SAGEMAKER_", "TRAINING_", "AWS_", "BERTH_"))
        }
        self.environment = kept | {
            "PATH": f"{PYTHON}:{os.environ['PATH']}",
            "SAGEMAKER_BASE_DIR": str(base),
            "SAGEMAKER_BIND_TO_PORT": "0",
            "SAGEMAKER_MODEL_SERVER_WORKERS": "2",
            MARK: self.mark,
        }
        self.environment |= variables
        self.environment = {k: v for k, v in self.environment.items() if v is not None}
        self._berth = berth
        self.process = None
        self.log = None
        self.port = None

    def start(self, **options):
        self.process = subprocess.Popen(
            [self._berth, "serve"], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options,
        )
        self.log = Log(self.process.stderr)
        return self

    def listening(self):
        self.port = int(self.log.wait(r"listening on port (\d+)")[1])
        return self

    def ready(self):
        self.listening()
        self.log.wait(r" ready, with \d+ worker")
        return self

    # Its clients

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def client(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def request(self, method, path, body=None, headers=None):
        with contextlib.closing(self.client()) as client:
            client.request(method, path, body, headers or {})
            answer = client.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def get(self, path):
        return self.request("GET", path)

    def invoke(self, body, content_type="text/plain", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", "/invocations", body, {"Content-Type": content_type} | named)

    def later(self, body, content_type="text/plain"):
        """A request that is sent now; its answer is read by the function that is returned."""
        client = self.client()
        client.request("POST", "/invocations", body, {"Content-Type": content_type})

        def answer():
            with contextlib.closing(client):
                got = client.getresponse()
                return Answer(got.status, got.headers, got.read())

        return answer

    def exchange(self, data):
        """All that comes back for these bytes until the server closes."""
        with self.connect() as sock:
            sock.sendall(data)
            return read_all(sock)

    def metrics(self):
        answer = self.get("/metrics")
        assert answer.status == 200
        return parse_metrics(answer.text)

    def curl(self, *arguments, **options):
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--max-time", str(PATIENCE), *arguments],
            capture_output=True, check=False, **options,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    # Its processes

    def marked(self):
        """All processes that descend from it, wherever they have gone."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if f"{MARK}={self.mark}".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return [pid for pid in found if state(pid) not in (None, "Z")]

    def workers(self):
        """Process numbers of its workers."""
        path = pathlib.Path(f"/proc/{self.process.pid}/task")
        children = []
        for task in path.iterdir():
            with contextlib.suppress(OSError):
                children += [int(pid) for pid in (task / "children").read_text().split()]
        return [pid for pid in children if state(pid) not in (None, "Z")]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # Its end

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, patience=PATIENCE):
        """Its exit code, and that nothing of it is left."""
        code = self.process.wait(patience)
        self.log.join()
        until(lambda: not self.marked(), f"its processes end: {self.marked()}")
        return code

    def stop(self):
        self.signal()
        return self.wait()

    def kill(self):
        """What the end of a failed test leaves."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        for pid in self.marked():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if self.log is not None:
            self.log.join()


def state(pid):
    """"R", "S", "T", "Z" …; None: there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return None


def read_all(sock):
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


_SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)(?:\{([^}]*)\})? (-?[0-9.e+-]+|\+Inf|NaN)\Z')
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|\Z)')


def parse_metrics(text):
    """Prometheus's text format: {(name, "label=value,…"): number}; fails on what it is not."""
    samples, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in ("counter", "gauge", "histogram")
            assert name not in types, f"{name} is described twice"
            types[name] = kind
            continue
        if line.startswith("# HELP "):
            continue
        found = _SAMPLE.match(line)
        assert found, f"no sample of a metric: {line!r}"
        name, labels = found[1], found[2] or ""
        assert "".join(m[0] for m in _LABEL.finditer(labels)) == labels, line
        family = re.sub(r"_(bucket|sum|count)\Z", "", name)
        assert name in types or types.get(family) == "histogram", f"{name} has no TYPE"
        key = name, ",".join(f"{m[1]}={m[2]}" for m in _LABEL.finditer(labels))
        assert key not in samples, f"{key} is there twice"
        samples[key] = float(found[3])
    assert text.endswith("\n")
    return samples
