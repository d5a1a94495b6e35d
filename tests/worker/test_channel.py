"""Requests on their way: dropped, recalled, many at once; the worker's end."""

import os
import signal

import pytest
from worker_double import BYTES, DROPPED, HEARTBEAT

ECHO = """
    def model_fn(model_dir): return 1
    def transform_fn(model, data, content_type, accept): return data
"""
# Runs until the file named by the body is there.
WAITS = """
    import os, select
    def model_fn(model_dir): return 1
    def transform_fn(model, data, content_type, accept):
        with open(data, "rb") as fifo:
            return fifo.read()
"""


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def test_requests_are_finished_in_their_order(worker):
    double = worker(ECHO)
    for round_ in range(20):  # past the end of the ring
        for slot in range(8):
            double.hand_over(b"%d-%d" % (round_, slot), slot=slot)
        answers = []
        while double.handed_over:
            answers += double.wait()
        assert [answer.body for answer in answers] == [b"%d-%d" % (round_, n) for n in range(8)]


def test_cancelled_and_expired_requests_are_not_run(worker):
    double = worker("def model_fn(d): return 1\ndef predict_fn(d, m): print('run'); return 1\n")
    for request in ({"cancelled": 1}, {"deadline": -0.001}):
        response = double.ask(b"1", **request)
        assert (response.kind, response.flags, response.freed) == (DROPPED, 0, [])
        assert response.decoded == response.predicted == 0 < response.begun
    assert double.ask(b"1").status == 200
    assert double.lines() == ["\x1er1\x1frun"]


def test_a_heartbeat_is_answered(worker):
    double = worker(ECHO)
    double.push(HEARTBEAT)
    double.hand_over(b"1")
    double.push(HEARTBEAT)
    answers = []
    while double.handed_over:
        answers += double.wait()
    assert [answer and answer.body for answer in answers] == [None, b"1", None]


def test_what_is_recalled_is_not_run(worker, fifo):
    double = worker(WAITS)
    double.hand_over(os.fsencode(fifo), slot=0)
    for slot in (1, 2, 3):
        double.hand_over(b"/dev/null", slot=slot, request_id="r%d" % slot)
    with open(fifo, "wb") as writer:  # it is run now
        assert [double.recall() for _ in range(4)] == [3, 2, 1, None]
        # In the ring, these take the places of those taken back.
        double.hand_over(b"/dev/null", slot=5)
        writer.write(b"first")
    answers = []
    while double.handed_over:
        answers += double.wait()
    assert [answer.body for answer in answers] == [b"first", b""]
    assert double.ask(b"/dev/null", slot=1).kind == BYTES


def test_stop_finishes_what_is_handed_over_and_runs_exit_hooks(worker, fifo):
    double = worker(
        WAITS
        + """
    import atexit, sys, threading
    atexit.register(lambda: print("exit hook"))
    def last():
        threading.main_thread().join()
        print("thread's end", end="")
    threading.Thread(target=last).start()
    """
    )
    double.hand_over(os.fsencode(fifo), slot=0)
    double.hand_over(b"/dev/null", slot=1)
    with open(fifo, "wb") as writer:
        double.send({"type": "stop"})
        writer.write(b"first")
    answers = []
    while double.handed_over:
        answers += double.wait()
    assert [answer.body for answer in answers] == [b"first", b""]
    assert double.ended() == 0
    assert sorted(double.text().replace("end", "end ").split()) == sorted(
        "thread's end exit hook".split()
    )


def test_a_server_that_goes_away_takes_the_worker_with_it(worker):
    double = worker(ECHO + "    import atexit; atexit.register(print, 'exit hook')\n")
    double.control.shutdown(2)
    assert double.ended() == 1
    assert double.lines() == ["berth_worker: the server is gone: this worker ends"]


def test_sys_exit_in_a_handler_ends_the_worker(worker):
    double = worker(
        """
        import sys
        def model_fn(model_dir): return 1
        def predict_fn(data, model): print("unfinished", end=""); sys.exit(3)
        """
    )
    double.hand_over(b"1")
    assert double.ended() == 3
    assert double.lines() == [
        "\x1er1\x1funfinished",
        "\x1er1\x1fberth_worker: the handler called sys.exit(3): this worker ends",
    ]


@pytest.mark.parametrize("closing", ["os.closerange(3, 4096)", "os.closerange(3, 4096); open('/dev/null')"])
def test_a_handler_that_closes_all_descriptors_ends_the_worker_only(worker, closing):
    double = worker(
        f"""
        import os
        def model_fn(model_dir): return 1
        def predict_fn(data, model): {closing}; return 1
        """
    )
    double.hand_over(b"1")
    assert double.ended() == 1
    assert double.lines() == [
        "berth_worker: the handler closed descriptors that it did not open: this worker ends"
    ]


def test_a_handler_may_fork(worker):
    double = worker(
        """
        import multiprocessing, os
        def model_fn(model_dir): return multiprocessing.get_context("fork")
        def predict_fn(data, model):
            with model.Pool(2) as pool:
                result = pool.map(abs, data)
            process = model.Process(target=print, args=("child",))
            process.start()
            process.join()
            return [int(x) for x in result]
        """
    )
    for _ in range(3):
        assert double.ask(b"[-1, 2]").json() == [1, 2]
    assert double.lines() == ["child"] * 3
    assert double.stop() == 0


def test_a_child_that_comes_back_from_the_handler_answers_nothing(worker):
    double = worker(
        """
        import os
        def model_fn(model_dir): return 1
        def predict_fn(data, model):
            pid = os.fork()
            if pid:
                print("status", os.WEXITSTATUS(os.waitpid(pid, 0)[1]))
            return [pid]
        """
    )
    for _ in range(2):
        assert double.ask(b"1").json()[0] > 0
    child = "berth_worker: a process that the handler forked came back from it: it ends here"
    assert double.lines() == [child, "\x1er1\x1fstatus 1"] * 2


def test_a_child_left_behind_holds_nothing_of_the_servers(worker):
    double = worker(
        """
        import os, signal
        def model_fn(model_dir): return 1
        def predict_fn(data, model):
            pid = os.fork()
            if not pid:
                signal.pause()
            return [pid]
        """
    )
    child = double.ask(b"1").json()[0]
    try:
        double.process.kill()
        double.ended()
        double.control.settimeout(30)
        assert double.receive() is None
    finally:
        os.kill(child, signal.SIGKILL)


def test_an_interrupt_ends_a_sleeping_worker(worker):
    double = worker(ECHO)
    double.process.send_signal(signal.SIGINT)
    assert double.ended() == 130
    assert double.lines() == ["berth_worker: interrupted: this worker ends"]


def test_a_crash_leaves_its_stack_in_the_log(worker):
    double = worker(
        """
        import ctypes
        def model_fn(model_dir): return 1
        def predict_fn(data, model): ctypes.string_at(0)
        """
    )
    double.hand_over(b"1")
    assert double.ended() == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in double.text()
    assert "in predict_fn" in double.text()


def test_started_by_hand_it_says_what_it_is():
    import subprocess

    from worker_double import PYTHON, ROOT

    result = subprocess.run([PYTHON, ROOT / "python"], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr == "berth_worker: this is started by serve, with a descriptor\n"
