"""From its start to its end: what `serve` promises to whoever starts and stops it."""

import os
import resource
import signal
import subprocess
import time

import pytest
import serving_load
from serving_server import PATIENCE, until

PING_WHILE_LOADING = """
import os, time
BASE = os.environ["SAGEMAKER_BASE_DIR"]
def model_fn(model_dir):
    while not os.path.exists(os.path.join(BASE, "go")):
        time.sleep(0.005)
    return "model"
def predict_fn(data, model):
    return data
"""


def test_ping_is_503_until_the_model_is_loaded(place):
    place.handler(PING_WHILE_LOADING)
    server = place.server().start().listening()
    ping = server.get("/ping")
    assert ping.status == 503
    assert ping.error == ("ServiceUnavailable", "the model is not loaded yet")
    assert ping.headers["Retry-After"] == "1"
    refused = server.invoke("[1]", "application/json")
    assert refused.status == 503
    assert refused.error[1] == "the model is not loaded yet: see /ping"
    place.go()
    server.ready()
    for method in ("GET", "HEAD", "POST"):
        ping = server.request(method, "/ping")
        assert (ping.status, ping.body) == (200, b"")
    assert server.invoke("[1, 2]", "application/json").json == [1, 2]


def test_ping_is_503_while_it_drains(place):
    server = place.serve()
    held = server.later("held go")
    place.wait_for("running", "go")
    ping = server.client()
    ping.connect()
    server.signal()
    server.log.wait("asked to end")
    ping.request("GET", "/ping")
    answer = ping.getresponse()
    assert answer.status == 503
    assert b"the server is shutting down" in answer.read()
    ping.close()
    # Nobody new.
    with pytest.raises(ConnectionError):
        server.connect()
    place.go()
    answer = held()
    assert (answer.status, answer.text) == (200, "go")
    assert answer.headers["Connection"] == "close"
    assert server.wait() == 0


def test_sigterm_under_load_loses_no_accepted_request(place):
    server = place.serve()
    bodies = [b"echo %d" % i for i in range(100_000)]
    load = serving_load.Load(server.port, bodies)

    async def ask_to_end():
        await load.after(1000)
        server.signal()

    began = time.monotonic()
    serving_load.run(load, ask_to_end())
    assert server.wait() == 0
    assert time.monotonic() - began < 25
    assert 1000 <= load.answered < len(bodies)
    for body, answer, sent in zip(bodies, load.answers, load.sent):
        if answer is not None:
            assert answer[0] == 503 or answer == (200, body[5:])
    # Every request that was sent was answered; while it drains, those that come too late with 503.
    assert sum(load.sent) == load.answered
    assert load.statuses[200] >= 1000
    assert load.statuses[503] <= 2 * load.connections


EXIT_HOOK = """
import atexit, os
BASE = os.environ["SAGEMAKER_BASE_DIR"]
def hook(index):
    with open(os.path.join(BASE, "hooks"), "a") as file:
        file.write(index + "\\n")
def model_fn(model_dir):
    atexit.register(hook, os.environ["BERTH_WORKER_INDEX"])
def predict_fn(data, model):
    return data
"""


def test_what_was_accepted_is_run_though_its_worker_dies_in_the_drain(place):
    server = place.serve(SAGEMAKER_MODEL_SERVER_WORKERS="1")
    held = server.later("held never")
    place.wait_for("running", "never")
    waiting = [server.later(f"noted {i}") for i in range(3)]
    until(lambda: server.metrics()["berth_queue_length", ""] == 3, "they wait")
    server.signal()
    server.log.wait("asked to end")
    os.kill(server.workers()[0], signal.SIGKILL)
    assert held().status == 500
    assert [answer().text for answer in waiting] == ["0", "1", "2"]
    assert server.wait() == 0


def test_workers_do_not_outlive_a_server_that_is_killed(place):
    server = place.serve()
    assert len(server.workers()) == 2
    hangs = server.later("uninterruptible")
    place.wait_for("running", "deadlock")
    server.signal(signal.SIGKILL)
    assert server.wait() == -signal.SIGKILL
    with pytest.raises(OSError):
        hangs()


def test_exit_hooks_run(place):
    server = place.serve(EXIT_HOOK)
    assert server.stop() == 0
    assert sorted((place.base / "hooks").read_text().split()) == ["0", "1"]


def test_hooks_that_hang_do_not_hold_up_the_end(place):
    server = place.serve(EXIT_HOOK.replace("    with", "    import time; time.sleep(600)\n    with"))
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 25


def test_the_end_comes_though_a_request_does_not(place):
    server = place.serve(BERTH_DRAIN_SECONDS="1")
    hangs = server.later("uninterruptible")
    place.wait_for("running", "deadlock")
    server.signal()
    answer = hangs()
    assert answer.status == 503
    assert answer.error == ("ServiceUnavailable", "the server ends")
    assert server.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_every_signal_that_asks_to_end_does(place, number):
    server = place.serve()
    server.signal(number)
    assert server.wait() == 0


def test_it_ends_while_the_model_loads(place):
    place.handler(PING_WHILE_LOADING)
    server = place.server().start().listening()
    server.signal()
    assert server.wait() == 0


def refused(server, code):
    """The message with which a server that cannot serve ends."""
    server.start()
    assert server.wait() == code, server.log.text
    errors = [line.split("  ", 1)[1].strip() for line in server.log.lines if " ERROR " in line]
    assert errors, server.log.text
    return errors


def test_a_port_that_is_taken(place):
    server = place.serve()
    second = place.server(SAGEMAKER_BIND_TO_PORT=str(server.port))
    assert refused(second, 2) == [
        f"port {server.port} is taken by another process: stop that one, or serve on another "
        "port"
    ]
    assert server.get("/ping").status == 200


def test_no_model_directory(place):
    place.handler("")
    server = place.server(SAGEMAKER_BASE_DIR=str(place.base / "none"))
    assert refused(server, 2) == [
        f'cannot read the model directory "{place.base}/none/model": No such file or directory'
    ]


def test_a_model_directory_that_is_a_file(place, tmp_path):
    (tmp_path / "model").write_text("")
    server = place.server(SAGEMAKER_BASE_DIR=str(tmp_path))
    assert refused(server, 2) == [
        f'cannot read the model directory "{tmp_path}/model": Not a directory'
    ]


def test_a_variable_that_is_wrong(place):
    place.handler("")
    (error,) = refused(place.server(SAGEMAKER_MODEL_SERVER_WORKERS="many"), 2)
    assert "SAGEMAKER_MODEL_SERVER_WORKERS" in error and "many" in error


def test_no_handler(place):
    errors = refused(place.server(), 2)
    assert errors[-1] == (
        "cannot serve: there is no model_fn(model_dir) and no predict_fn(data, model) (or "
        "transform_fn): no module 'inference' was found; looked in "
        f"'{place.code}' (holds nothing)"
    )


def test_no_code_at_all(place):
    place.code.rmdir()
    (place.base / "model" / "model.pt").touch()
    errors = refused(place.server(), 2)
    assert errors[-1] == (
        "cannot serve: there is no model_fn(model_dir) and no predict_fn(data, model) (or "
        "transform_fn): no module 'inference' was found; looked in "
        f"'{place.base}/code' (No such file or directory); "
        f"'{place.code}' (No such file or directory); "
        f"the model directory is '{place.base}/model' (holds 'model.pt')"
    )


def test_a_submit_directory_without_the_program(place, tmp_path):
    """Another handler of that name, in the model, is not what was asked for."""
    place.handler("def model_fn(d):\n    return 1\ndef predict_fn(x, m):\n    return x\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "other.py").touch()
    (error,) = refused(place.server(SAGEMAKER_SUBMIT_DIRECTORY=str(tmp_path / "mine")), 2)
    assert error == (
        f'there is no "inference.py" in "{tmp_path}/mine", where '
        f'SAGEMAKER_SUBMIT_DIRECTORY={tmp_path}/mine leads; it holds "other.py"'
    )
    (tmp_path / "other.txt").touch()
    (error,) = refused(place.server(SAGEMAKER_SUBMIT_DIRECTORY=str(tmp_path / "other.txt")), 2)
    assert f'there is no "inference.py" in "{place.base}/code"' in error


@pytest.mark.skipif("UBSAN_OPTIONS" in os.environ, reason="the sanitizer needs terabytes of it")
def test_too_little_address_space(place):
    place.handler("")
    few = lambda: resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))  # noqa: E731
    server = place.server()
    server.start(preexec_fn=few)
    assert server.wait() == 2
    assert ("It is address space for 64 bodies and answers of 100 MiB: lower "
            "SAGEMAKER_MAX_PAYLOAD_IN_MB, or raise the limit (ulimit -v, ulimit -f)"
            ) in server.log.text


def test_a_drain_that_runs_out_says_so(place):
    server = place.serve(BERTH_DRAIN_SECONDS="1", SAGEMAKER_MODEL_SERVER_WORKERS="1")
    answer = server.later("held never")
    place.wait_for("running", "never")
    server.signal()
    assert answer().status == 503
    assert server.wait() == 0
    assert any("BERTH_DRAIN_SECONDS are over: requests that are not finished are cut off (0 wait, "
               "1 worker is busy)" in line for line in server.log.lines), server.log.text


def test_a_handler_that_cannot_be_imported(place):
    place.handler("import no_such_module_as_this\n")
    server = place.server(SAGEMAKER_MODEL_SERVER_WORKERS="1")
    errors = refused(server, 1)
    assert errors[-1] == (
        "cannot serve: worker 0 could not load the handler: ModuleNotFoundError: No module "
        "named 'no_such_module_as_this' (tried 3 times)"
    )
    assert "import no_such_module_as_this" in server.log.text  # the traceback


def test_a_handler_without_functions(place):
    place.handler("x = 1\n")
    errors = refused(place.server(), 2)
    assert errors[-1].startswith(
        "cannot serve: there is no model_fn(model_dir) and no predict_fn(data, model) (or "
        "transform_fn)"
    )


def test_a_model_fn_that_raises(place):
    place.handler("def model_fn(model_dir):\n    raise RuntimeError('no weights')\n"
                  "def predict_fn(data, model):\n    return data\n")
    server = place.server(SAGEMAKER_MODEL_SERVER_WORKERS="1")
    errors = refused(server, 1)
    assert errors[-1] == (
        "cannot serve: worker 0 could not load the model: RuntimeError: no weights "
        "(tried 3 times)"
    )
    assert "raise RuntimeError('no weights')" in server.log.text
    assert server.port is None


def test_a_model_fn_that_hangs(place):
    place.handler("def model_fn(model_dir):\n    import threading\n    threading.Event().wait()\n"
                  "def predict_fn(data, model):\n    return data\n")
    server = place.server(SAGEMAKER_STARTUP_TIMEOUT="1", SAGEMAKER_MODEL_SERVER_WORKERS="1")
    errors = refused(server, 1)
    assert errors[-1] == (
        "cannot serve: worker 0 was killed by signal 9 (Killed) because the model was not "
        "loaded within SAGEMAKER_STARTUP_TIMEOUT, 1 s (tried 3 times)"
    )


def test_a_model_fn_that_ends_the_process(place):
    place.handler("import os\ndef model_fn(model_dir):\n    os._exit(7)\n"
                  "def predict_fn(data, model):\n    return data\n")
    errors = refused(place.server(SAGEMAKER_MODEL_SERVER_WORKERS="1"), 1)
    assert errors[-1] == (
        "cannot serve: worker 0 exited with code 7 while it loaded the model (tried 3 times)"
    )


@pytest.mark.parametrize(
    "command, code, says",
    [("true", 0, "true ended by itself, with exit code 0: so does serve"),
     ("exit 3", 3, "cannot serve: sh ends again and again; the last time it exited with code 3")],
)
def test_the_end_of_a_command_is_told(place, command, code, says):
    words = ["true"] if command == "true" else ["sh", "-c", command]
    done = subprocess.run([place.berth, "serve", "--", *words], capture_output=True, text=True,
                          env=place.server().environment, timeout=PATIENCE, check=False)
    assert done.returncode == code
    assert done.stderr.splitlines()[-1].endswith("  " + says), done.stderr


def test_no_python(place, tmp_path):
    place.handler("")
    (tmp_path / "bin").mkdir()
    (error,) = refused(place.server(PATH=str(tmp_path / "bin")), 2)
    assert "python" in error
