"""`serve` against the reference's own stack (bench/serving_stacks.py): same machine, same handler,
in turns, one run; each figure is the median of its rounds.

Load comes from wrk over keep-alive connections; it shares this machine's processors with the
servers, and so is part of every figure. CPU is that of the server's whole tree.
"""

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import serving_stacks as stacks
from serving_load import Load, in_turns, offer, percentile
from serving_stacks import BARE, BERTH, NAMES, PROXIED, Stack
from supervisor import table

ROOT = pathlib.Path(__file__).resolve().parent.parent
HTTP_TOOL = ROOT / "build/bin/berth_http_tool"

# The bytes of a connection back to it, with nothing in between: what 25 MB cost by themselves.
SOCKET_ECHO = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
room = memoryview(bytearray(SIZE))
while True:
    connection, _ = listener.accept()
    at = 0
    while at < SIZE:
        at += connection.recv_into(room[at:])
    connection.sendall(room)
    connection.close()
"""


def wake_up(rounds=5000):
    """ms for one process to wake another and be woken by it: what no server with workers of its own
    can go below twice, once between client and server and once between server and worker."""
    there, back = os.eventfd(0), os.eventfd(0)
    child = os.fork()
    if child == 0:
        while True:
            os.eventfd_read(there)
            os.eventfd_write(back, 1)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        os.eventfd_write(there, 1)
        os.eventfd_read(back)
        times.append(time.perf_counter() - began)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(there)
    os.close(back)
    return statistics.median(times) * 1e3


class Verdicts:
    """The issue's figures, beside ours."""

    def __init__(self):
        self.rows = []

    def at_least(self, what, value, asked, unit="x"):
        self._add(what, value, f">= {asked}", unit, value >= asked)

    def at_most(self, what, value, asked, unit):
        self._add(what, value, f"<= {asked:.3g}", unit, value <= asked)

    def _add(self, what, value, asked, unit, met):
        self.rows.append((what, f"{value:.3g} {unit}", f"{asked} {unit}", "yes" if met else "NO"))

    def show(self):
        table("What was asked of serve", ("", "here", "asked", "met"), self.rows)


def small(servers, folder, options, verdicts):
    load = Load(folder, b"[1.0,2.0,3.0,4.0]", "application/json", "application/json")
    if not options.quick:
        for server in servers.values():
            load.run(server, 16, 1)
    for connections in (1, 16) if options.quick else (1, 16, 64):
        wakings = [wake_up()]
        got = in_turns(servers, options.rounds,
                       lambda server: load.run(server, connections, options.seconds))
        wakings.append(wake_up())
        ours = got[BERTH]
        table(f"JSON of 4 numbers -> numpy -> JSON, {connections} connections "
              f"({options.rounds} rounds of {options.seconds} s)",
              ("", "req/s", "p50 ms", "p99 ms", "CPU us/req", "berth is"),
              [(name, f"{s.rate:.0f}", f"{s.p50:.3f}", f"{s.p99:.3f}", f"{s.cpu:.1f}",
                "" if name == BERTH else f"{ours.rate / s.rate:.1f}x") for name, s in got.items()])
        at = f"{connections} connections"
        if connections == 1:
            floor = 2 * statistics.mean(wakings)
            print(f"\nTwo processes wake each other, there and back, twice: {floor:.3f} ms")
            verdicts.at_most(f"p50, {at}", ours.p50, 0.1, "ms")
            verdicts.at_most(f"p50, {at}, of two wake-ups there and back", ours.p50 / floor, 1.5, "x")
            verdicts.at_most(f"p50, {at}, of {BARE}", ours.p50 / got[BARE].p50, 1, "x")
        else:
            verdicts.at_least(f"throughput, {at}, of {PROXIED}", ours.rate / got[PROXIED].rate, 10)
            verdicts.at_least(f"throughput, {at}, of {BARE}", ours.rate / got[BARE].rate, 5)
            verdicts.at_most(f"p99, {at}, of {PROXIED}", ours.p99 / got[PROXIED].p99, 0.1, "x")


def memory(servers, verdicts):
    used = {name: server.memory_mib() for name, server in servers.items()}
    table("Memory of the whole tree after that (PSS)", ("", "MiB", "processes"),
          [(name, f"{used[name]:.1f}", len(servers[name].tree())) for name in servers])
    verdicts.at_most(f"memory, of {PROXIED}", used[BERTH] / used[PROXIED], 1 / 3, "x")


def idle(servers, seconds):
    before = {name: server.cpu_seconds() for name, server in servers.items()}
    time.sleep(seconds)
    table(f"Idle for {seconds} s", ("", "CPU ms"),
          [(name, f"{(server.cpu_seconds() - before[name]) * 1000:.2f}")
           for name, server in servers.items()])


def megabyte(plain, echo, folder, options, verdicts):
    numbers = np.round(np.random.default_rng(1).random((3300, 50)) * 10, 3)
    text = json.dumps(numbers.tolist()).encode()
    csv = "\n".join(",".join(map(str, row)) for row in numbers.tolist()).encode()
    work = {
        "raw echo": (echo, Load(folder, os.urandom(1 << 20), "application/octet-stream")),
        "CSV, defaults": (plain, Load(folder, csv, "text/csv", "text/csv")),
        "JSON, defaults": (plain, Load(folder, text, "application/json", "application/json")),
    }
    rows = []
    for what, (servers, load) in work.items():
        run = load.run if what == "raw echo" else load.run_slow
        got = in_turns(servers, options.rounds, lambda server: run(server, 4, options.seconds))
        for name, sample in got.items():
            rows.append((f"{what}: {name}", f"{sample.rate:.1f}",
                         f"{sample.rate * len(load.body) / 1e6:.1f}", f"{sample.p50:.1f}",
                         f"{sample.cpu / 1000:.2f}",
                         "" if name == BERTH else f"{got[BERTH].rate / sample.rate:.1f}x"))
        verdicts.at_least(f"1 MB {what}, of {PROXIED}", got[BERTH].rate / got[PROXIED].rate, 4)
    table(f"1 MB bodies, 4 connections ({options.rounds} rounds)",
          ("", "req/s", "MB/s in", "p50 ms", "CPU ms/req", "berth is"), rows)


@contextlib.contextmanager
def helper(argv):
    """A process of the benchmark's own; what it prints first."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, preexec_fn=stacks.die_with_parent) as process:
        try:
            yield process.stdout.readline().decode()
        finally:
            process.kill()


def large_echo(echo, verdicts, size=25 << 20, repeats=10):
    body = os.urandom(size)

    def http(connection, path):
        status, seconds = stacks.post(0, body, "application/octet-stream", connection, path)
        assert status == 200, status
        return seconds

    def bare(connection):
        began = time.perf_counter()
        connection.sendall(body)
        room = memoryview(bytearray(1 << 20))
        left = size
        while left:
            left -= connection.recv_into(room)
        return time.perf_counter() - began

    with contextlib.ExitStack() as stack:
        socket_echo = helper([sys.executable, "-c", SOCKET_ECHO.replace("SIZE", str(size))])
        ways = {name: (server.port, lambda connection: http(connection, "/invocations"))
                for name, server in echo.items()}
        ways["a socket in Python"] = (int(stack.enter_context(socket_echo)), bare)
        ways["berth's HTTP alone"] = (int(stack.enter_context(helper([HTTP_TOOL])).split()[-1]),
                                      lambda connection: http(connection, "/echo"))
        taken = {name: [] for name in ways}
        for _ in range(repeats + 1):  # the first one warms up
            for name, (port, once) in ways.items():
                with socket.create_connection(("127.0.0.1", port), 60) as connection:
                    taken[name].append(once(connection))
    times = {name: statistics.median(values[1:]) for name, values in taken.items()}
    base = times["a socket in Python"]
    table(f"25 MB raw echo, in turns, median of {repeats}", ("", "ms", "added ms"),
          [(name, f"{seconds * 1e3:.1f}", f"{(seconds - base) * 1e3:.1f}")
           for name, seconds in times.items()])
    verdicts.at_most("25 MB echo, added", (times[BERTH] - base) * 1e3, 10, "ms")


def overload(folder, options, verdicts):
    """Twice what the workers can do, each request 10 ms; at most 16 wait."""
    request = (b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: x-sleep/10\r\n"
               b"Content-Length: 1\r\n\r\nx")
    rate = 2 * stacks.WORKERS / 0.010
    server = Stack(folder, BERTH, "echo", BERTH_QUEUE_LENGTH="16")
    try:
        server.first_answer()
        results = asyncio.run(offer(server.port, rate, options.seconds * 2, request))
    finally:
        server.stop()
    times = {status: [seconds for got, seconds in results if got == status]
             for status in sorted({status for status, _ in results})}
    table(f"Overload: {rate:.0f} req/s where {rate / 2:.0f} can be done, BERTH_QUEUE_LENGTH=16",
          ("status", "share", "p50 ms", "p99 ms"),
          [(status, f"{len(taken) / len(results):.0%}", f"{percentile(taken, 0.5) * 1e3:.1f}",
            f"{percentile(taken, 0.99) * 1e3:.1f}") for status, taken in times.items()])
    # 16 that wait and those that run, by two workers, twice the time they need.
    verdicts.at_most("overload: p99 of 200s", percentile(times[200], 0.99) * 1e3, 200, "ms")


def ping_while_busy(echo, folder, options, verdicts):
    load = Load(folder, b"x", "x-sleep/50")
    rows = []
    for name, server in echo.items():
        with load.start(server, 16, options.seconds + 1), \
                socket.create_connection(("127.0.0.1", server.port), 60) as connection:
            times, until = [], time.perf_counter() + options.seconds
            time.sleep(0.2)  # until all workers have something to do
            while time.perf_counter() < until:
                began = time.perf_counter()
                connection.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
                status, _ = stacks.read_answer(connection)
                assert status == 200, status
                times.append(time.perf_counter() - began)
                time.sleep(0.001)
        rows.append((name, len(times), f"{percentile(times, 0.5) * 1e3:.2f}",
                     f"{percentile(times, 0.99) * 1e3:.2f}"))
        if name == BERTH:
            verdicts.at_most("/ping p99, workers busy", percentile(times, 0.99) * 1e3, 5, "ms")
    table("/ping while both workers are busy (50 ms a request, 16 connections)",
          ("", "pings", "p50 ms", "p99 ms"), rows)


def start(folder, rounds):
    times = {name: [] for name in NAMES}
    for _ in range(rounds):
        for name in NAMES:
            server = Stack(folder, name, "default")
            try:
                times[name].append(server.first_answer())
            finally:
                server.stop()
    table(f"From exec to the first 200 of /invocations, numpy imported ({rounds} rounds)",
          ("", "median ms", "best ms"),
          [(name, f"{statistics.median(taken) * 1e3:.0f}", f"{min(taken) * 1e3:.0f}")
           for name, taken in times.items()])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="half a minute: does it work at all?")
    options = parser.parse_args()
    options.rounds = 1 if options.quick else 3
    options.seconds = 1 if options.quick else 2
    verdicts = Verdicts()
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as folder, \
            contextlib.ExitStack() as running:
        def begin(handler):
            servers = {}
            for name in NAMES:
                servers[name] = Stack(folder, name, handler)
                running.callback(servers[name].stop)
            for server in servers.values():
                server.first_answer()
            return servers

        plain = begin("default")
        small(plain, folder, options, verdicts)
        memory(plain, verdicts)
        idle(plain, 1 if options.quick else 10)
        echo = begin("echo")
        megabyte(plain, echo, folder, options, verdicts)
        large_echo(echo, verdicts, repeats=3 if options.quick else 10)
        ping_while_busy(echo, folder, options, verdicts)
        overload(folder, options, verdicts)
        running.close()
        start(folder, 1 if options.quick else 3)
    verdicts.show()


if __name__ == "__main__":
    main()
