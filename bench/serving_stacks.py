"""The servers that bench/serving.py compares, each with the same handler, Python and numpy.

"nginx + gunicorn" and "gunicorn" are what sagemaker_containers._server.start() starts: gunicorn
with gevent workers, Flask, the reference's Transformer and Worker; its nginx.conf template, but for
the paths in it. The newer reference, sagemaker-inference, needs a Java server and is not here.
"""

import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVE = os.environ.get("BERTH_SERVE", str(ROOT / "build/bin/serve"))
PYTHON = ROOT / "build/venv-serving-reference/bin"
NGINX = ROOT / "build/nginx"
WORKERS = 2

BERTH = "berth serve"
PROXIED = "nginx + gunicorn"
BARE = "gunicorn"
NAMES = (BERTH, PROXIED, BARE)

HANDLERS = {
    # Everything by default, but the model.
    "default": """
import numpy
def model_fn(model_dir): return 2.0
def predict_fn(data, model): return data * model
""",
    # Bytes in, the same bytes out; x-sleep/N first waits N ms, as for a device: not in Python's
    # time.sleep, which gevent replaces by something that lets the worker take other requests.
    "echo": """
import ctypes
usleep = ctypes.CDLL(None).usleep
def model_fn(model_dir): return None
def input_fn(data, content_type):
    if content_type.startswith("x-sleep/"): usleep(int(content_type[8:]) * 1000)
    return data
def predict_fn(data, model): return data
def output_fn(data, accept): return data, "application/octet-stream"
""",
}

# sagemaker-containers is older than Python 3.10.
OLD_NAMES = """
import collections, collections.abc
collections.Mapping = collections.abc.Mapping
"""

APPLICATION = OLD_NAMES + """
import inference
from sagemaker_containers import _transformer, _worker
names = ("model_fn", "input_fn", "predict_fn", "output_fn")
found = {name: getattr(inference, name) for name in names if hasattr(inference, name)}
transformer = _transformer.Transformer(**found)
transformer.initialize()
app = _worker.Worker(transform_fn=transformer.transform, module_name="inference")
"""

START = OLD_NAMES + """
import sys
from sagemaker_containers import _server
folder = sys.argv[1]
with open(_server.nginx_config_template_file) as file:
    template = file.read()
template = template.replace("/tmp/", folder + "/").replace("/etc/nginx/mime.types", sys.argv[2])
temporary = "".join(f"{name}_temp_path {folder}/{name};\\n"
                    for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
with open(folder + "/template", "w") as file:
    file.write(template.replace("http {", "http {\\n" + temporary))
_server.nginx_config_template_file = folder + "/template"
_server.nginx_config_file = folder + "/nginx.conf"
_server.UNIX_SOCKET_BIND = f"unix:{folder}/gunicorn.sock"
_server.start("app:app")
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def post(port, body, content_type="application/json", connection=None, path="/invocations",
         accept="*/*"):
    """(status, seconds); the answer has a Content-Length."""
    head = (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
            f"Accept: {accept}\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    with contextlib.ExitStack() as stack:
        if connection is None:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))
        began = time.perf_counter()
        connection.sendall(head + body if len(body) < 4096 else head)
        if len(body) >= 4096:
            connection.sendall(body)
        status, _ = read_answer(connection)
        return status, time.perf_counter() - began


def read_answer(connection):
    """Status and length of the body, which goes nowhere."""
    got = bytearray()
    while (end := got.find(b"\r\n\r\n")) < 0:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("no answer")
        got += piece
    head = bytes(got[:end]).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r", 1)[0])
    left = length - (len(got) - end - 4)
    room = bytearray(min(max(left, 1), 1 << 20))
    while left > 0:
        count = connection.recv_into(room, min(left, len(room)))
        if count == 0:
            raise ConnectionError("half an answer")
        left -= count
    return int(head.split(b" ", 2)[1]), length


class Stack:
    """One server with a handler, from its start to stop()."""

    def __init__(self, folder, name, handler, **variables):
        self.name = name
        self.port = free_port()
        self.base = pathlib.Path(folder, f"{name.replace(' ', '')}-{handler}-{self.port}")
        for code in ("model/code", "code"):
            (self.base / code).mkdir(parents=True)
            (self.base / code / "inference.py").write_text(HANDLERS[handler])
        (self.base / "code/app.py").write_text(APPLICATION)
        (self.base / "start.py").write_text(START)
        for path in (pathlib.Path(folder), self.base):
            path.chmod(0o755)  # nginx' workers are nobody
        environment = os.environ | {
            "PATH": f"{PYTHON}:{NGINX}/usr/sbin:{os.environ['PATH']}",
            "HOME": str(self.base),  # where gunicorn leaves a socket
            "SAGEMAKER_BASE_DIR": str(self.base),
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            "SAGEMAKER_MODEL_SERVER_WORKERS": str(WORKERS),
            "SAGEMAKER_USE_NGINX": "true" if name == PROXIED else "false",
        } | variables
        argv = [SERVE] if name == BERTH else [
            str(PYTHON / "python"), str(self.base / "start.py"), str(self.base),
            str(NGINX / "etc/nginx/mime.types")]
        self.log = self.base / "log"
        self.first_body = b"[1.0]" if handler == "default" else b"x"
        self.began = time.perf_counter()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log,
                                            start_new_session=True)

    def first_answer(self):
        """Waits for the first 200 of /invocations; seconds since the start."""
        while time.perf_counter() < self.began + 60 and self.process.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                if post(self.port, self.first_body)[0] == 200:
                    return time.perf_counter() - self.began
            time.sleep(0.005)
        self.process.kill()
        raise SystemExit(f"{self.name} does not serve:\n{self.log.read_text()[-3000:]}")

    def tree(self):
        """The server and all that it started."""
        parents = {}
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = path.read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
        found, left = [], [self.process.pid]
        while left:
            found.append(left.pop())
            left += parents.get(found[-1], [])
        return found

    def cpu_seconds(self):
        nanoseconds = 0
        for pid in self.tree():
            for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with contextlib.suppress(OSError):
                    nanoseconds += int(path.read_text().split()[0])
        return nanoseconds / 1e9

    def memory_mib(self):
        """Of the whole tree; what its processes share counts once (PSS)."""
        kib = 0
        for pid in self.tree():
            with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as file:
                kib += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        return kib / 1024

    def stop(self):
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def die_with_parent():
    """For helper processes of the benchmark itself."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
