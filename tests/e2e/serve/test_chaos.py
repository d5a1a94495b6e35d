"""Workers that die, stand still or do what they should not: who else notices."""

import asyncio
import collections
import os
import random
import re
import signal
import time

import pytest
import serving_load
from serving_server import state, until

KILLS = 20
REQUESTS = 10_000


def restarts(metrics):
    return {
        labels.partition("=")[2]: count
        for (name, labels), count in metrics.items()
        if name == "berth_worker_restarts_total"
    }


def workers_in(metrics, which):
    return metrics["berth_workers", f"state={which}"]


def idle(server, count=2):
    until(lambda: workers_in(server.metrics(), "idle") == count, "all workers are idle")


def loaded(server, count=2):
    def all_have():
        metrics = server.metrics()
        return workers_in(metrics, "idle") + workers_in(metrics, "busy") == count

    until(all_have, "all workers have loaded the model")


def test_kill_9_fails_only_what_was_run(place):
    """10,000 requests while one worker after the other is killed: each answer is that of its own
    request, nothing is run twice, and a kill costs one request at most."""
    server = place.serve()
    before = server.descriptors()
    bodies = [b"noted %d" % i for i in range(REQUESTS)]
    load = serving_load.Load(server.port, bodies)
    chance = random.Random(int(os.environ["BERTH_CONFORMANCE_SEED"]))
    pids = set()

    async def kill():
        for number in range(KILLS):
            await load.after((number + 1) * REQUESTS // (KILLS + 1))
            if load.stopped:  # without an answer between, it would be a crash loop
                break
            if number % 2 == 0:  # one that runs requests; else also one that still loads
                await asyncio.to_thread(loaded, server)
            workers = sorted(set(server.workers()) - pids)
            if workers:
                pid = chance.choice(workers)
                os.kill(pid, signal.SIGKILL)
                pids.add(pid)

    serving_load.run(load, kill())
    assert load.refused == 0
    assert load.answered == REQUESTS
    killed = len(pids)
    assert killed >= KILLS // 4
    failed = set()
    for number, (status, body) in enumerate(load.answers):
        if status == 200:
            assert body == b"%d" % number
        else:
            assert status == 500
            assert b"the worker that ran this request was killed by signal 9" in body
            failed.add(str(number))
    assert len(failed) <= killed
    runs = collections.Counter(place.noted())
    assert max(runs.values()) == 1, "a request was run twice"
    assert set(runs) | failed == {str(number) for number in range(REQUESTS)}
    idle(server)
    metrics = server.metrics()
    # Some had not yet loaded the model again.
    assert sum(restarts(metrics).values()) == killed
    assert set(restarts(metrics)) <= {"signal", "load"}
    assert metrics["berth_requests_total", "code=200"] == REQUESTS - len(failed)
    assert metrics.get(("berth_requests_total", "code=500"), 0) == len(failed)
    until(lambda: server.descriptors() <= before + 1, "no descriptor of a dead worker is left")


def test_a_stopped_idle_worker_is_replaced(place):
    server = place.serve()
    stopped = server.workers()[0]
    os.kill(stopped, signal.SIGSTOP)
    server.log.wait(r"worker \d is replaced: it gives no sign of life", patience=30)
    until(lambda: state(stopped) is None, "the stopped worker is gone")
    idle(server)
    assert restarts(server.metrics()) == {"unwell": 1}
    assert server.get("/ping").status == 200


def test_no_request_is_lost_to_a_stopped_idle_worker(place):
    """It may have been handed over to it: what is not begun goes to another one."""
    server = place.serve()
    for pid in server.workers():
        os.kill(pid, signal.SIGSTOP)
    answers = [server.later(f"noted {i}") for i in range(8)]
    assert [answer().text for answer in answers] == [str(i) for i in range(8)]
    assert sorted(place.noted()) == [str(i) for i in range(8)]
    server.log.wait(r"worker \d is replaced: it gives no sign of life")


def test_a_stopped_busy_worker_overruns(place):
    server = place.serve(SAGEMAKER_MODEL_SERVER_TIMEOUT="2")
    held = server.later("held never")
    place.wait_for("running", "never")
    busy = int(server.invoke("pid").text)
    for pid in server.workers():
        if pid != busy:
            os.kill(pid, signal.SIGSTOP)
    answer = held()
    assert answer.status == 504
    assert answer.error == (
        "GatewayTimeout", "the request's time was over before the model had answered"
    )
    server.log.wait(r"worker \d is killed: it has run one request for \d s, longer than "
                    "SAGEMAKER_MODEL_SERVER_TIMEOUT allows")
    idle(server)
    assert restarts(server.metrics()) == {"overran": 1}


@pytest.mark.parametrize("what", ["deadlock", "uninterruptible"])
def test_only_what_hangs_is_504(place, what):
    server = place.serve(SAGEMAKER_MODEL_SERVER_TIMEOUT="2")
    # So fast that requests are handed over several at a time.
    for i in range(200):
        assert server.invoke(f"echo {i}").text == str(i)
    hangs = server.later(what)
    behind = [server.later(f"echo {i}") for i in range(32)]
    began = time.monotonic()
    assert [(a.status, a.text) for a in (answer() for answer in behind)] == [
        (200, str(i)) for i in range(32)
    ]
    assert time.monotonic() - began < 2, "they waited for the one that hangs"
    assert hangs().status == 504
    idle(server)
    assert server.invoke("echo on").text == "on"


def test_the_only_worker_hangs(place):
    """Those behind it wait for its successor, where their time allows."""
    server = place.serve(SAGEMAKER_MODEL_SERVER_TIMEOUT="5", SAGEMAKER_MODEL_SERVER_WORKERS="1")
    hangs = server.later("deadlock")
    place.wait_for("running", "deadlock")
    most = time.monotonic() + 4.5
    until(lambda: time.monotonic() > most, "most of its time is over")
    behind = [server.later(f"noted {i}") for i in range(3)]
    assert hangs().status == 504
    assert [(a.status, a.text) for a in (answer() for answer in behind)] == [
        (200, str(i)) for i in range(3)
    ]


@pytest.fixture(scope="module")
def zoo(shared_place):
    return shared_place.serve()


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("leave 3", "exited with code 3"),
        ("leave 0", "exited with code 0"),
        ("sys_exit 4", "exited with code 4"),
        ("segfault", "was killed by signal 11 (Segmentation fault)"),
        ("killed 6", "was killed by signal 6 (Aborted)"),
        ("killed 15", "was killed by signal 15 (Terminated)"),
    ],
)
def test_a_worker_that_ends_fails_its_request_alone(zoo, what, why):
    server, seen = zoo, len(zoo.log)
    ends = server.later(what)
    behind = [server.later(f"echo {i}") for i in range(8)]
    assert [a.text for a in (answer() for answer in behind)] == [str(i) for i in range(8)]
    answer = ends()
    assert answer.status == 500
    assert answer.error == ("InternalServerError", f"the worker that ran this request {why}")
    server.log.wait(rf"worker \d {re.escape(why)}", after=seen)
    if what == "segfault":
        server.log.wait("Fatal Python error: Segmentation fault", after=seen)
    idle(server)


def test_a_handler_without_memory(zoo):
    pids = zoo.workers()
    answer = zoo.invoke("memory")
    assert answer.status == 507
    assert answer.error[0] == "MemoryError"
    assert zoo.invoke("echo on").text == "on"
    assert zoo.workers() == pids


def test_a_handler_that_forks(place):
    server = place.serve()
    for _ in range(4):
        assert server.invoke("forks").text == "parent"
    server.log.wait("a process that the handler forked came back from it: it ends here")
    child = int(server.invoke("forks_on").text)
    assert state(child)
    assert server.invoke("echo on").text == "on"
    # The child neither runs requests nor keeps the server from noticing its parent's end.
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
    assert [server.invoke(f"echo {i}").text for i in range(8)] == [str(i) for i in range(8)]
    server.signal()
    assert server.process.wait(60) == 0
    assert state(child) in (None, "Z"), "what a handler left in another session has ended too"


def test_a_handler_that_closes_all_descriptors(place):
    server = place.serve()
    statuses = {server.invoke("closes").status for _ in range(3)}
    assert statuses <= {200, 500}
    assert [server.invoke(f"echo {i}").text for i in range(8)] == [str(i) for i in range(8)]
    idle(server)
    assert server.get("/ping").status == 200


@pytest.mark.parametrize("read", [True, False])
def test_a_handler_that_writes_without_end(place, read):
    server = place.serve(SAGEMAKER_MODEL_SERVER_TIMEOUT="3")
    server.log.discard()
    if not read:
        server.log.pause()
    endless = server.later("floods")
    place.wait_for("running", "floods")
    took = []
    for i in range(30):
        began = time.monotonic()
        assert server.get("/ping").status == 200
        took.append(time.monotonic() - began)
        assert server.invoke(f"echo {i}").text == str(i)
    assert sorted(took)[len(took) // 2] < 0.1, took
    assert endless().status == 504
    until(lambda: restarts(server.metrics()) == {"overran": 1}, "it is killed")
    server.log.discard()


def test_threads_that_are_left_behind(place):
    server = place.serve(SAGEMAKER_MODEL_SERVER_WORKERS="1")
    for number in range(2, 6):
        assert server.invoke("thread").text == str(number)
    # They would keep the interpreter from its end; the worker is killed when it had its time.
    assert server.stop() == 0


def test_a_crash_loop_ends_the_server(place):
    server = place.serve(SAGEMAKER_MODEL_SERVER_WORKERS="1")
    answers = [server.later("leave 9") for _ in range(8)]
    statuses = collections.Counter(answer().status for answer in answers)
    assert statuses == {500: 5, 503: 3}
    assert server.wait() == 1
    why = "cannot serve: workers end again and again; the last: worker 0 exited with code 9"
    assert any(line.endswith(why) for line in server.log.lines)


def test_a_crash_loop_is_seen_before_it_ends_the_server(place):
    """The back-off: /ping is 503 and no worker is there while the next start waits."""
    server = place.serve(SAGEMAKER_MODEL_SERVER_WORKERS="1")
    for number in range(1, 5):
        (worker,) = until(server.workers, "a worker is there")
        until(lambda: server.get("/ping").status == 200, "it is ready again")
        os.kill(worker, signal.SIGKILL)
        until(lambda: restarts(server.metrics()).get("signal") == number, "its end is counted")
        assert server.get("/ping").status == 503
    metrics = server.metrics()
    assert metrics["berth_ready", ""] == 0
    assert workers_in(metrics, "idle") == 0
    until(lambda: server.get("/ping").status == 200, "it is ready again")
    # An answer between two ends shows that it is no loop.
    assert server.invoke("echo on").text == "on"
    (worker,) = server.workers()
    os.kill(worker, signal.SIGKILL)
    until(lambda: restarts(server.metrics()).get("signal") == 5, "its end is counted")
    until(lambda: server.get("/ping").status == 200, "it is ready again")
