"""More than it can do: what is refused, what is dropped, and what is answered all the same."""

import contextlib
import socket
import struct
import time

import pytest
from serving_server import PATIENCE, read_all, until


def queued(server):
    return server.metrics()["berth_queue_length", ""]


@pytest.fixture
def full(place):
    """One worker that is busy until place.go(), and a queue of four that is full."""
    server = place.serve(SAGEMAKER_MODEL_SERVER_WORKERS="1", BERTH_QUEUE_LENGTH="4")
    answers = [server.later("held go")]
    place.wait_for("running", "go")
    answers += [server.later(f"noted {i}") for i in range(4)]
    until(lambda: queued(server) == 4, "the queue is full")
    yield server
    place.go()
    assert [answer().text for answer in answers] == ["go", "0", "1", "2", "3"]
    assert server.invoke("echo on").text == "on"


FULL = (
    "ServiceUnavailable", "too many requests wait already (BERTH_QUEUE_LENGTH): try again"
)


def test_a_full_queue_is_503(full):
    answer = full.invoke("echo late")
    assert answer.status == 503
    assert answer.error == FULL
    assert answer.headers["Retry-After"] == "1"
    # That no worker is free is no reason to be taken out of service.
    assert full.get("/ping").status == 200


def test_a_full_queue_is_told_before_the_body_is_sent(full):
    with full.connect() as sock:
        sock.sendall(b"POST /invocations HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"
                     b"Content-Length: 90000000\r\n\r\nthe first bytes")
        head = sock.recv(65536)
    assert head.startswith(b"HTTP/1.1 503 ")


def test_a_full_queue_is_told_in_place_of_100_continue(full):
    with full.connect() as sock:
        sock.sendall(b"POST /invocations HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"
                     b"Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n")
        answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in answer
    assert b"100 Continue" not in answer


def test_more_than_the_queue_holds_at_once(place):
    """Whatever comes is answered: with 200 or 503, and what is 503 is not run."""
    server = place.serve(SAGEMAKER_MODEL_SERVER_WORKERS="1", BERTH_QUEUE_LENGTH="4")
    held = server.later("held go")
    place.wait_for("running", "go")
    answers = [server.later(f"noted {i}") for i in range(40)]
    until(lambda: server.metrics().get(("berth_requests_total", "code=503"), 0) == 36,
          "36 are refused")
    place.go()
    got = [answer() for answer in answers]
    assert held().status == 200
    assert sorted(a.status for a in got) == [200] * 4 + [503] * 36
    assert sorted(a.text for a in got if a.status == 200) == sorted(place.noted())


def test_what_waited_too_long_is_504_and_never_run(place):
    server = place.serve(SAGEMAKER_MODEL_SERVER_WORKERS="1", SAGEMAKER_MODEL_SERVER_TIMEOUT="2")
    held = server.later("held never")
    place.wait_for("running", "never")
    late = [server.later(f"noted {i}") for i in range(8)]
    assert [answer().status for answer in late] == [504] * 8
    assert held().status == 504
    assert server.invoke("noted last").text == "last"
    assert place.noted() == ["last"]


@pytest.mark.parametrize("how", ["reset", "closed"])
def test_whose_client_has_gone_is_not_run(place, how):
    server = place.serve(SAGEMAKER_MODEL_SERVER_WORKERS="1")
    # So fast that several are handed over at a time: those are taken back, too.
    for i in range(100):
        server.invoke(f"echo {i}")
    held = server.later("held go")
    place.wait_for("running", "go")
    request = (b"POST /invocations HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"
               b"Content-Length: 10\r\n\r\nnoted gone")
    with contextlib.ExitStack() as clients:
        for _ in range(20):
            client = clients.enter_context(server.connect())
            # An orderly end only says that nothing more is sent: those wait a second longer.
            if how == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(request)
        until(lambda: queued(server) >= 20, "they wait")
    until(lambda: server.metrics().get(("berth_requests_total", "code=499"), 0) == 20,
          "they have gone")
    assert queued(server) == 0
    stays = server.later("noted stays")
    place.go()
    assert held().text == "go"
    assert stays().text == "stays"
    assert place.noted() == ["stays"]


def test_who_only_stops_sending_gets_the_answer(place):
    server = place.serve()
    request = (b"POST /invocations HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"
               b"Content-Length: 7\r\n\r\nheld go")
    with server.connect() as sock:
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        place.wait_for("running", "go")
        place.go()
        answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"\r\n\r\ngo"), answer


def test_what_runs_for_nobody_is_finished(place):
    """A client that goes away while its request runs does not cost the worker."""
    server = place.serve(SAGEMAKER_MODEL_SERVER_WORKERS="1")
    with server.connect() as sock:
        sock.sendall(b"POST /invocations HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"
                     b"Content-Length: 7\r\n\r\nheld go")
        place.wait_for("running", "go")
    pid = server.workers()
    place.go()
    assert server.invoke("echo on").text == "on"
    assert server.workers() == pid


def test_the_rest_is_answered_while_all_workers_are_busy(place):
    server = place.serve()
    held = [server.later("held go") for _ in range(2)]
    place.wait_for("running", "go", times=2)
    took = []
    with contextlib.closing(server.client()) as client:
        for path in ["/ping", "/metrics", "/execution-parameters"] * 100:
            began = time.monotonic()
            client.request("GET", path)
            answer = client.getresponse()
            answer.read()
            took.append(time.monotonic() - began)
            assert answer.status == 200
    # How fast it is, the benchmark measures; here it is that no worker is waited for.
    assert sorted(took)[len(took) * 99 // 100] < 1
    place.go()
    assert [answer().status for answer in held] == [200, 200]


def test_an_idle_server_sleeps(place):
    server = place.serve()
    server.invoke("echo 1")
    before = server.cpu_seconds()
    end = time.monotonic() + 1
    until(lambda: time.monotonic() > end, "a second", PATIENCE)
    assert server.cpu_seconds() - before < 0.1
