"""Connections that do nothing, or too little, and more of them than there are descriptors."""

import contextlib
import os
import resource
import signal
import socket
import struct

import pytest
from serving_server import until

CONNECTIONS = 10_000


def connections(server):
    return server.metrics()["berth_connections", ""]


def test_10_000_idle_connections(place):
    needed = CONNECTIONS + 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"this needs {needed} descriptors, the hard limit is {hard}")
    # The server gets the limit of a usual shell, and helps itself.
    small = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))  # noqa: E731
    place.handler("def model_fn(d):\n    return 1\ndef predict_fn(x, m):\n    return x\n")
    server = place.server().start(preexec_fn=small).ready()
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    try:
        with contextlib.ExitStack() as clients:
            for _ in range(CONNECTIONS):
                clients.enter_context(server.connect())
            until(lambda: connections(server) == CONNECTIONS + 1, "all are accepted")
            assert server.get("/ping").status == 200
            for i in range(10):
                assert server.invoke(f"[{i}]", "application/json").json == [i]
            # A worker is replaced all the same.
            os.kill(server.workers()[0], signal.SIGKILL)
            until(lambda: server.metrics()["berth_workers", "state=idle"] == 2, "it is replaced")
        until(lambda: connections(server) == 1, "all have gone")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert server.stop() == 0


def test_without_descriptors_it_waits_and_recovers(place):
    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96))  # noqa: E731
    server = place.handler(ECHO).server().start(preexec_fn=few).ready()
    with contextlib.ExitStack() as clients:
        socks = [clients.enter_context(server.connect()) for _ in range(200)]
        ask = b"GET /ping HTTP/1.1\r\nHost: h\r\n\r\n"
        socks[0].sendall(ask)
        assert socks[0].recv(4096).startswith(b"HTTP/1.1 200 ")
        # Workers are replaced while clients have all the descriptors that they can have.
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        server.log.wait("worker 0 has loaded", after=len(server.log))
        server.log.wait("worker 1 has loaded", after=0)
        socks[0].sendall(ask)
        assert socks[0].recv(4096).startswith(b"HTTP/1.1 200 ")
    until(lambda: server.get("/ping").status == 200, "it recovers")
    assert server.invoke("[1]", "application/json").json == [1]


ECHO = "def model_fn(d):\n    return 1\ndef predict_fn(x, m):\n    return x\n"


def test_half_a_head_costs_nobody_else(place):
    server = place.serve(ECHO)
    with contextlib.ExitStack() as clients:
        for i in range(200):
            sock = clients.enter_context(server.connect())
            sock.sendall(b"POST /invocations HTTP/1.1\r\nHost: h\r\nX: "[: 5 + i % 40])
        for i in range(200):
            sock = clients.enter_context(server.connect())
            sock.sendall(b"POST /invocations HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n[1,")
        assert server.get("/ping").status == 200
        assert server.invoke("[1]", "application/json").json == [1]
    until(lambda: connections(server) == 1, "all have gone")


def test_a_slow_head_is_408(place):
    """A byte now and then does not keep a connection: a head has ten seconds in all."""
    server = place.serve(ECHO)
    head = b"GET /ping HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 10_000
    with server.connect() as sock:
        sock.settimeout(0.25)
        for i in range(10_000):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                sock.sendall(head[i : i + 1])
            with contextlib.suppress(socket.timeout):
                assert sock.recv(4096).startswith(b"HTTP/1.1 408 ")
                break
        assert 30 < i < 80


def test_connections_that_are_reset(place):
    server = place.serve(ECHO)
    request = (b"POST /invocations HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
               b"Content-Length: 3\r\n\r\n[1]")
    for _ in range(20):
        with server.connect() as sock:
            sock.sendall(request)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(lambda: connections(server) == 1, "all have gone")
    assert server.invoke("[1]", "application/json").json == [1]
    until(lambda: server.metrics()["berth_queue_length", ""] == 0, "nothing waits")
