"""What user code prints: whole lines, with the id of the request."""

import pytest

# The longest line that is not cut.
LIMIT = 63 << 10
LONG = "\x1er1\x1f" + "x" * LIMIT + "\n"
HEAD = """
    import logging, os, subprocess, sys, threading
    def model_fn(model_dir): return 1
    def predict_fn(data, model):
        CODE
        return 1
"""


def printed(worker, code, **request):
    double = worker(HEAD.replace("CODE", code))
    assert double.ask(b"1", **request).status == 200
    assert double.stop() == 0
    return double.text()


@pytest.mark.parametrize(
    "code, text",
    [
        ("print('a', 1)", "\x1er1\x1fa 1\n"),
        ("print('a', end='')", "\x1er1\x1fa\n"),
        ("print('a', end=''); print('b')", "\x1er1\x1fab\n"),
        ("print('a\\nb\\n\\nc')", "\x1er1\x1fa\n\x1er1\x1fb\n\x1er1\x1f\n\x1er1\x1fc\n"),
        ("print('é\\ud800')", "\x1er1\x1fé\\ud800\n"),
        ("print('\\x1efake\\x1fx')", "\x1er1\x1f\\x1efake\x1fx\n"),
        ("sys.stderr.write('e\\n')", "\x1er1\x1fe\n"),
        ("sys.stdout.buffer.write(b'bytes\\n'); sys.stdout.flush()", "\x1er1\x1fbytes\n"),
        ("print('x' * 70000, end='')", LONG + "\x1er1\x1f" + "x" * (70000 - LIMIT) + "\n"),
        ("print('x' * 200000)", LONG * 3 + "\x1er1\x1f" + "x" * (200000 - 3 * LIMIT) + "\n"),
        ("print('x' * 200000 + '\\n', end='')", LONG * 3 + "\x1er1\x1f" + "x" * (200000 - 3 * LIMIT) + "\n"),
        ("print('x' * LIMIT)".replace("LIMIT", str(LIMIT)), LONG),
        ("logging.warning('w')", "\x1er1\x1froot: w\n"),
        ("subprocess.run(['echo', 'bare'], stdout=sys.stdout)", "bare\n"),
        ("sys.stdout.reconfigure(line_buffering=True); sys.stdout.close(); print('x')", "\x1er1\x1fx\n"),
        ("t = threading.Thread(target=print, args=('t',)); t.start(); t.join()", "\x1er1\x1ft\n"),
    ],
    ids=range(16),
)  # fmt: skip
def test_lines_carry_the_request(worker, code, text):
    assert printed(worker, code) == text


def test_lines_outside_a_request_are_bare(worker):
    double = worker(
        """
        import atexit, logging
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        print("import")
        atexit.register(print, "exit", end="")
        def model_fn(model_dir): print("load", end=""); return 1
        def predict_fn(data, model): logging.info("run"); return 1
        """
    )
    double.ask(b"1", request_id="a" * 127)
    double.ask(b"1", request_id="")
    assert double.stop() == 0
    assert double.text() == "import\nload\n\x1e" + "a" * 127 + "\x1frun\n\x1e\x1frun\nexit\n"


def test_a_thread_that_prints_between_requests_has_no_id(worker):
    double = worker(
        """
        import os, threading
        go, been = threading.Event(), threading.Event()
        def late():
            go.wait()
            os.read(gate, 1)
            print("late")
        gate, opener = os.pipe()
        def model_fn(model_dir): threading.Thread(target=late, daemon=True).start()
        def predict_fn(data, model): go.set(); return opener
        """
    )
    opener = double.ask(b"1").json()
    with open(f"/proc/{double.process.pid}/fd/{opener}", "wb") as pipe:
        pipe.write(b"x")
    while not double.text():
        pass
    assert double.text() == "late\n"


def test_nobody_who_reads_fails_no_request(worker):
    double = worker(HEAD.replace("CODE", "os.close(1); os.close(2); print('x'); 1 / int(data)"))
    assert double.ask(b"1").status == 200
    assert double.ask(b"0").status == 500


LOGS = """
    import logging
    CONFIGURE
    log = logging.getLogger("mine")
    log.info("imported")
    def model_fn(model_dir): log.debug("loaded"); return 1
    def predict_fn(data, model):
        print("before", end="")
        for name in ("debug", "info", "warning", "error", "critical"): getattr(log, name)("two\\nlines")
        try:
            1 / 0
        except ZeroDivisionError:
            logging.exception("so")
        return 1
"""


def logged(worker, configure="", **config):
    double = worker(LOGS.replace("CONFIGURE", configure), **config)
    assert double.ask(b"1").status == 200
    assert double.stop() == 0
    return double.marked_text()


def test_logging_is_in_the_log_with_its_levels(worker):
    text = logged(worker, log_level=20)
    assert text.startswith(
        "mine: imported\n"
        "\x1er1\x1fbefore\n"
        "\x1er1\x1fmine: two\n\x1er1\x1flines\n"
        "\x1er1\x1dW\x1fmine: two\n\x1er1\x1dW\x1flines\n"
        + "\x1er1\x1dE\x1fmine: two\n\x1er1\x1dE\x1flines\n" * 2
        + "\x1er1\x1dE\x1froot: so\n\x1er1\x1dE\x1fTraceback (most recent call last):\n"
    )
    assert text.endswith("\x1er1\x1dE\x1fZeroDivisionError: division by zero\n")


def test_logging_has_the_servers_level(worker):
    assert "\x1e\x1dD\x1fmine: loaded\n" in logged(worker, log_level=10)
    text = logged(worker, log_level=40)
    assert "imported" not in text and "\x1dW" not in text and "\x1dE\x1fmine: two" in text


def test_who_configures_logging_has_it_to_himself(worker):
    """Whichever way: nothing is there twice, and nothing of ours is in it."""
    for configure in (
        "import sys; logging.basicConfig(format='own %(message)s', stream=sys.stdout)",
        "h = logging.StreamHandler(); h.setFormatter(logging.Formatter('own %(message)s'));"
        " logging.getLogger().addHandler(h)",
        "import logging.config; logging.config.dictConfig({'version': 1,"
        " 'formatters': {'f': {'format': 'own %(message)s'}},"
        " 'handlers': {'h': {'class': 'logging.StreamHandler', 'formatter': 'f'}},"
        " 'root': {'handlers': ['h'], 'level': 'INFO'}})",
    ):
        text = logged(worker, configure, log_level=20)
        assert text.count("own imported") == 1 and "mine: " not in text, configure
        assert "\x1d" not in text


def test_a_traceback_has_the_level_of_an_error(worker):
    double = worker("def model_fn(d): return 1\ndef predict_fn(d, m): print('first'); 1 / 0\n")
    double.ask(b"1")
    lines = double.marked_text().split("\n")
    assert lines[0] == "\x1er1\x1ffirst"
    assert lines[1] == "\x1er1\x1dE\x1fTraceback (most recent call last):"


def test_the_callers_mistake_is_one_line(worker):
    double = worker("def model_fn(d): return 1\ndef predict_fn(d, m): return d\n")
    assert double.ask(b"1", content_type="x/y").status == 415
    (line,) = double.marked_text().split("\n")[:-1]
    assert line.startswith("\x1er1\x1dW\x1fUnsupportedFormatError: there is no default decode for")


def test_a_long_error_is_cut(worker):
    double = worker("def model_fn(d): return 1\ndef predict_fn(d, m): raise ValueError('x' * 10**7)\n")
    message = double.ask(b"1").json()["error-message"]
    assert message == "x" * 65536 + "... (9934464 characters more)"
    assert len(double.text()) < 1 << 19
