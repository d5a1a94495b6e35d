"""`berth local serve` shows a model to the server as the platform does; `berth local invoke` asks it."""

import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import tarfile
import threading

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Any limit on a wait here: long enough for a slow machine, short enough to see a hang.
DEADLINE = 120

# Answers with what it was sent, and how it sees the world.
ECHO = """
import json, os
def model_fn(model_dir):
    return open(os.path.join(model_dir, "weights")).read()
def input_fn(body, content_type):
    return bytes(body) if not isinstance(body, str) else body.encode(), content_type
def predict_fn(data, model):
    return data[0], data[1], model
def output_fn(prediction, accept):
    body, content_type, model = prediction
    if accept == "text/about":
        about = {"type": content_type, "length": len(body), "model": model, "file": __file__,
                 "greeting": os.environ.get("GREETING"), "stale": os.environ.get("SM_STALE")}
        return json.dumps(about), "application/json"
    return body, "application/octet-stream"
"""
DEFAULTS = "def model_fn(model_dir): return 2\ndef predict_fn(data, model): return data * model\n"


class Endpoint:
    """`berth local serve` that has told its address."""

    def __init__(self, process):
        self.process = process
        line = process.stdout.readline().decode()
        assert line.startswith("serving at http://127.0.0.1:"), (line, process.stderr.read())
        self.port = int(line.rsplit(":", 1)[1])

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, err.decode()


class Serving:
    def __init__(self, berth, base):
        self.berth = berth
        self.base = base
        self.running = []
        self.temporary = base / "tmp"
        self.temporary.mkdir()

    def model(self, handler=ECHO, name="model"):
        folder = self.base / name
        folder.mkdir()
        (folder / "weights").write_text("heavy")
        if handler is not None:
            (folder / "code").mkdir()
            (folder / "code" / "inference.py").write_text(handler)
        return folder

    def spawn(self, *arguments, prefix=(), variables=None):
        left_out = ("SM_", "SAGEMAKER_", "TRAINING_", "AWS_", "BERTH_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
        kept |= {"PATH": f"{ROOT}/build/venv/bin:{kept['PATH']}", "TMPDIR": str(self.temporary)}
        process = subprocess.Popen(
            [*prefix, self.berth, "local", *map(str, arguments)],
            cwd=self.base,
            env=kept | (variables or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # As from a terminal: not ignored, as in the background of a shell.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        self.running.append(process)
        return process

    def serve(self, *arguments, **options):
        one = ("--env", "SAGEMAKER_MODEL_SERVER_WORKERS=1")
        return Endpoint(self.spawn("serve", "--port", 0, *one, *arguments, **options))

    def run(self, *arguments, stdin=b"", **options):
        process = self.spawn(*arguments, **options)
        out, err = process.communicate(stdin, timeout=DEADLINE)
        return process.returncode, out, err.decode()

    def refused(self, *arguments):
        code, out, err = self.run("serve", "--port", 0, *arguments)
        assert code == 2 and out == b"", err
        return err

    def about(self, endpoint, file="-", *arguments):
        code, out, err = self.run(
            "invoke", "--port", endpoint.port, "--accept", "text/about", *arguments, file, stdin=b"x"
        )
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
def serving(berth, tmp_path):
    made = Serving(berth, tmp_path)
    yield made
    for process in made.running:
        if process.poll() is None:
            process.kill()
            process.communicate(timeout=DEADLINE)


def pack(folder, archive):
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname=".")
    return archive


def test_shows_the_model_and_stops_cleanly(serving, namespaces):
    endpoint = serving.serve(
        "--model", serving.model(), "--env", "GREETING=hello there", variables={"SM_STALE": "1"}
    )
    about = serving.about(endpoint)
    assert about == {
        "type": "application/json", "length": 1, "model": "heavy", "greeting": "hello there",
        "file": "/opt/ml/model/code/inference.py", "stale": None,
    }  # fmt: skip
    code, err = endpoint.end()
    assert code == 0, err
    assert "stopping after signal 2" in err and "ready, with 1 worker" in err
    assert not list(serving.temporary.iterdir())


def test_a_model_is_read_only(serving, namespaces):
    handler = """
import os
def model_fn(model_dir):
    try:
        open(os.path.join(model_dir, "new"), "w")
    except OSError as error:
        return str(error)
def input_fn(body, content_type): return None
def predict_fn(data, model): return model
"""
    endpoint = serving.serve("--model", serving.model(handler))
    code, out, err = serving.run("invoke", "--port", endpoint.port, "-")
    assert code == 0 and b"Read-only file system" in out, err


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("a.json", "application/json"), ("a.JSON", "application/json"), ("a.csv", "text/csv"),
        ("a.jsonl", "application/jsonlines"), ("a.txt", "text/plain"),
        ("a.npy", "application/x-npy"), ("a.npz", "application/x-npz"),
        ("a.jpeg", "application/octet-stream"), ("json", "application/octet-stream"),
    ],
)  # fmt: skip
def test_the_suffix_tells_the_content_type(serving, recorder, name, type_):
    (serving.base / name).write_bytes(b"body")
    code, out, err = serving.run("invoke", "--port", recorder.port, name)
    assert (code, out) == (0, b"fine"), err
    head = recorder.head()
    assert f"\r\nContent-Type: {type_}\r\n" in head
    assert head.startswith("POST /invocations HTTP/1.1\r\n")
    assert "\r\nContent-Length: 4\r\n" in head and "\r\nAccept:" not in head


def test_options_win_over_the_suffix(serving, recorder):
    (serving.base / "a.csv").write_bytes(b"body")
    code, _, err = serving.run(
        "invoke", "--port", recorder.port, "a.csv", "--content-type", "a/b", "--accept", "c/d"
    )
    assert code == 0, err
    head = recorder.head()
    assert "\r\nContent-Type: a/b\r\n" in head and "\r\nAccept: c/d\r\n" in head


class Recorder:
    """Takes one request with a Content-Length and gives the answer it was told to give."""

    def __init__(self):
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(DEADLINE)
        self.port = self.listener.getsockname()[1]
        self.request = b""
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(DEADLINE)
            while b"body" not in self.request:
                piece = connection.recv(65536)
                if not piece:
                    return
                self.request += piece
            if self.answer is None:
                self.over.wait(DEADLINE)
            else:
                connection.sendall(self.answer)

    def head(self):
        self.thread.join(DEADLINE)
        return self.request.split(b"\r\n\r\n")[0].decode() + "\r\n"

    def close(self):
        self.over.set()
        # accept() in the other thread ends.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(DEADLINE)
        self.listener.close()


@pytest.fixture
def recorder():
    made = Recorder()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed the connection without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "in the middle of its answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "in the middle"),
        (b"SSH-2.0-something\r\n\r\n", "is not HTTP"),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 6\r\n\r\nfailed", "answered 500 Oh: failed"),
        (None, "gave no sign of life for 1 s"),
    ],
)
def test_bad_answers_are_told(serving, recorder, answer, said):
    recorder.answer = answer
    (serving.base / "a.csv").write_bytes(b"body")
    code, _, err = serving.run("invoke", "--port", recorder.port, "--timeout", 1, "a.csv")
    assert code == 1 and said in err, err


def test_a_chunked_answer_is_passed_on(serving, recorder):
    recorder.answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n3;x=y\r\n wa\r\n1\r\ny\r\n0\r\n\r\n"
    )
    (serving.base / "a.csv").write_bytes(b"body")
    assert serving.run("invoke", "--port", recorder.port, "a.csv")[:2] == (0, b"half way")


def test_default_functions_in_every_type(serving):
    endpoint = serving.serve("--model", serving.model(DEFAULTS))
    array = np.array([[1, 2], [3, 4]])
    npy = io.BytesIO()
    np.save(npy, array)
    bodies = {"a.json": b"[[1,2],[3,4]]", "a.csv": b"1,2\n3,4\n", "a.npy": npy.getvalue()}
    for name, body in bodies.items():
        (serving.base / name).write_bytes(body)
        code, out, err = serving.run("invoke", "--port", endpoint.port, name)
        assert (code, out) == (0, b"[[2, 4], [6, 8]]"), err
    code, out, err = serving.run(
        "invoke", "--port", endpoint.port, "a.json", "--accept", "application/x-npy"
    )
    assert code == 0, err
    assert (np.load(io.BytesIO(out)) == array * 2).all()
    code, out, err = serving.run("invoke", "--port", endpoint.port, "a.json", "--accept", "a/b")
    assert code == 1 and out == b"" and "the server answered 406" in err


def test_large_bodies_come_back_as_they_are(serving):
    endpoint = serving.serve("--model", serving.model())
    body = os.urandom(20_000_000)
    (serving.base / "a.bin").write_bytes(body)
    assert serving.run("invoke", "--port", endpoint.port, "a.bin")[:2] == (0, body)
    # Through a pipe: chunked.
    piped = ("invoke", "--port", endpoint.port, "--content-type", "a/b", "-")
    assert serving.run(*piped, stdin=body)[:2] == (0, body)
    assert serving.run(*piped)[:2] == (0, b"")


def test_a_body_that_is_too_large_is_told(serving):
    endpoint = serving.serve("--model", serving.model(), "--env", "SAGEMAKER_MAX_PAYLOAD_IN_MB=1")
    body = bytes(30_000_000)
    (serving.base / "a.bin").write_bytes(body)
    for file in ("a.bin", "-"):
        code, out, err = serving.run("invoke", "--port", endpoint.port, file, stdin=body)
        assert code == 1 and out == b"" and "answered 413 Content Too Large: " in err, err


def test_an_archive(serving):
    archive = pack(serving.model(), serving.base / "model.tar.gz")
    endpoint = serving.serve("--model", "model.tar.gz")
    assert serving.about(endpoint)["model"] == "heavy"
    assert archive.exists()
    assert endpoint.end(signal.SIGTERM)[0] == 0
    assert not list(serving.temporary.iterdir())


def test_source_wins_over_the_models_code(serving, namespaces):
    model = serving.model("raise RuntimeError('not this one')")
    (serving.base / "src" / "deep").mkdir(parents=True)
    (serving.base / "src" / "deep" / "predict.py").write_text(ECHO)
    endpoint = serving.serve(
        "--model", model, "--source", "src", "--entry-point", "deep/predict.py"
    )
    assert serving.about(endpoint)["file"] == "/opt/ml/code/deep/predict.py"


def test_a_wsgi_application(serving):
    (serving.base / "src").mkdir()
    (serving.base / "src" / "app.py").write_text(
        "def app(environ, start):\n"
        "    start('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [b'from wsgi']\n"
    )
    endpoint = serving.serve(
        "--model", serving.model(None), "--source", "src", "--env",
        "SAGEMAKER_SERVING_MODULE=app:app",
    )  # fmt: skip
    assert serving.run("invoke", "--port", endpoint.port, "-")[:2] == (0, b"from wsgi")


def test_without_namespaces(serving, forbidden):
    endpoint = serving.serve("--model", serving.model(), prefix=forbidden)
    assert serving.about(endpoint)["file"].startswith(str(serving.temporary))
    code, err = endpoint.end()
    assert code == 0 and "namespaces are not allowed here" in err, err
    (serving.base / "src").mkdir()
    (serving.base / "src" / "inference.py").write_text(ECHO)
    endpoint = serving.serve("--model", serving.base / "model", "--source", "src", prefix=forbidden)
    assert serving.about(endpoint)["file"].endswith("/ml/code/inference.py")
    assert endpoint.end()[0] == 0
    assert (serving.base / "src" / "inference.py").exists()
    assert (serving.base / "model" / "weights").exists()
    assert not list(serving.temporary.iterdir())


def test_refuses_what_is_not_there(serving):
    assert '--model "none": cannot read it: No such file' in serving.refused("--model", "none")
    assert "download it first" in serving.refused("--model", "s3://b/model.tar.gz")
    bare = serving.model(None, "bare")
    err = serving.refused("--model", "bare")
    assert 'the model "bare" holds no code/inference.py' in err and "--source" in err
    assert 'Files found there: "weights"' in err
    pack(bare, serving.base / "bare" / "model.tar.gz")
    assert 'did you mean "bare/model.tar.gz"?' in serving.refused("--model", "bare")
    serving.model(ECHO, "good")
    err = serving.refused("--model", "good", "--entry-point", "inferense.py")
    assert 'did you mean "inference.py"?' in err and 'code/ of the model "good"' in err
    assert "must be a file inside" in serving.refused("--model", "good", "--entry-point", "../x.py")
    assert '--source "none"' in serving.refused("--model", "good", "--source", "none")
    assert "must be a folder" in serving.refused("--model", "good", "--source", "good/weights")
    assert "NAME=VALUE" in serving.refused("--model", "good", "--env", "nothing")
    err = serving.refused("--model", "good/weights")
    assert '--model "good/weights"' in err and "archive" in err
    assert not list(serving.temporary.iterdir())


def test_a_port_that_is_taken(serving):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = serving.run("serve", "--model", serving.model(), "--port", port)
    assert code == 2 and out == b"" and f"port {port} is taken" in err, err


def test_a_handler_that_cannot_be_imported(serving):
    code, out, err = serving.run(
        "serve", "--model", serving.model("import no_such_module"), "--port", 0
    )
    assert code in (1, 2) and out == b"" and "No module named 'no_such_module'" in err, err


def test_invoke_without_an_endpoint(serving):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (serving.base / "a.json").write_text("1")
    code, _, err = serving.run("invoke", "--port", port, "a.json")
    assert code == 1
    assert f"nothing listens on port {port}: start `berth local serve --port {port}`" in err


def test_invoke_refuses_before_it_sends(serving):
    code, _, err = serving.run("invoke", "none.json")
    assert code == 2 and 'cannot open "none.json": No such file' in err
    code, _, err = serving.run("invoke", ".")
    assert code == 2 and "is a folder" in err
    (serving.base / "a.json").write_text("1")
    code, _, err = serving.run("invoke", "a.json", "--accept", "a\r\nX-Evil: 1")
    assert code == 2 and "printable ASCII" in err


SLOW = """
import signal, sys, time
def model_fn(model_dir): return None
def input_fn(body, content_type): return None
def predict_fn(data, model):
    print("predicting", flush=True)
    {wait}
    return "late"
"""


def wait_for(endpoint, text):
    for line in endpoint.process.stderr:
        if text.encode() in line:
            return
    raise AssertionError(f"the log ended without {text!r}")


def test_ctrl_c_lets_requests_finish(serving):
    fifo = serving.base / "go"
    os.mkfifo(fifo)
    endpoint = serving.serve("--model", serving.model(SLOW.format(wait=f"open({str(fifo)!r}).read()")))
    asking = serving.spawn("invoke", "--port", endpoint.port, "-")
    asking.stdin.close()
    wait_for(endpoint, "predicting")
    endpoint.process.send_signal(signal.SIGINT)
    wait_for(endpoint, "asked to end")
    fifo.write_text("")
    assert asking.stdout.read() == b'"late"' and asking.wait(DEADLINE) == 0
    endpoint.process.stderr.read()
    assert endpoint.process.wait(DEADLINE) == 0


def test_a_second_ctrl_c_kills(serving):
    fifo = serving.base / "go"
    os.mkfifo(fifo)
    endpoint = serving.serve("--model", serving.model(SLOW.format(wait=f"open({str(fifo)!r}).read()")))
    asking = serving.spawn("invoke", "--port", endpoint.port, "-")
    asking.stdin.close()
    wait_for(endpoint, "predicting")
    endpoint.process.send_signal(signal.SIGINT)
    wait_for(endpoint, "asked to end")
    endpoint.process.send_signal(signal.SIGINT)
    wait_for(endpoint, "asked again to stop: killing what is left of the server")
    endpoint.process.stderr.read()
    assert endpoint.process.wait(DEADLINE) == 128 + signal.SIGKILL
    assert b"closed the connection" in asking.stderr.read() and asking.wait(DEADLINE) == 1
    assert not list(serving.temporary.iterdir())


def test_kill_9_leaves_no_process(serving):
    fifo = serving.base / "held"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    handler = f"import subprocess\nheld = open({str(fifo)!r}, 'w')\n" \
        "subprocess.Popen(['sleep', '3600'], stdout=held, start_new_session=True)\n" + DEFAULTS  # fmt: skip
    endpoint = serving.serve("--model", serving.model(handler))
    endpoint.process.kill()
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""
    os.close(reader)
    endpoint.process.stderr.read()  # the end of every process of ours
    assert endpoint.process.wait(DEADLINE) == -signal.SIGKILL
