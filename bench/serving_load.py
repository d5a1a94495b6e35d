"""What bench/serving.py loads servers with: wrk, and clients of its own where wrk does not tell."""

import asyncio
import concurrent.futures
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

import serving_stacks as stacks

WRK = """
local file = io.open(os.getenv("BENCH_BODY"), "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = os.getenv("BENCH_TYPE")
wrk.headers["Accept"] = os.getenv("BENCH_ACCEPT")
function done(summary, latency, requests)
  local e = summary.errors
  io.stderr:write(string.format('{"count": %d, "us": %d, "p50": %d, "p99": %d, "errors": %d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status + e.connect + e.read + e.write + e.timeout))
end
"""


class Sample(NamedTuple):
    rate: float
    p50: float  # ms
    p99: float
    cpu: float  # us a request


class Load:
    """What wrk sends."""

    def __init__(self, folder, body, content_type, accept="*/*"):
        self.body = body
        self.script = pathlib.Path(folder, "wrk.lua")
        self.script.write_text(WRK)
        self.file = pathlib.Path(folder, f"body-{content_type.replace('/', '-')}-{len(body)}")
        self.file.write_bytes(body)
        self.variables = {"BENCH_BODY": str(self.file), "BENCH_TYPE": content_type,
                          "BENCH_ACCEPT": accept}

    def start(self, server, connections, seconds):
        return subprocess.Popen(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s",
             self.script, f"http://127.0.0.1:{server.port}/invocations"],
            env=os.environ | self.variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def run(self, server, connections, seconds):
        before = server.cpu_seconds()
        with self.start(server, connections, seconds) as process:
            said = process.stderr.read()
        cpu = server.cpu_seconds() - before
        result = json.loads(said)
        if result["errors"] or not result["count"]:
            sys.exit(f"{server.name}: {result}, {server.log.read_text()[-1000:]}")
        return Sample(result["count"] / result["us"] * 1e6, result["p50"] / 1e3,
                      result["p99"] / 1e3, cpu / result["count"] * 1e6)

    def run_slow(self, server, connections, seconds):
        """As run(), for requests of which few end in that time: those begun are waited for, where
        wrk would not count them."""
        before = server.cpu_seconds()
        began = time.perf_counter()

        def work(_):
            times = []
            with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
                while time.perf_counter() < began + seconds:
                    status, took = stacks.post(0, self.body, self.variables["BENCH_TYPE"], connection,
                                               accept=self.variables["BENCH_ACCEPT"])
                    if status != 200:
                        sys.exit(f"{server.name}: {status}, {server.log.read_text()[-1000:]}")
                    times.append(took * 1000)
            return times

        with concurrent.futures.ThreadPoolExecutor(connections) as threads:
            times = sum(threads.map(work, range(connections)), [])
        return Sample(len(times) / (time.perf_counter() - began), percentile(times, 0.5),
                      percentile(times, 0.99),
                      (server.cpu_seconds() - before) / len(times) * 1e6)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def in_turns(servers, rounds, measure):
    """name -> the medians of what `measure` gives, over the rounds; the order changes."""
    names = list(servers)
    taken = {name: [] for name in names}
    for i in range(rounds):
        for name in names[i % len(names):] + names[:i % len(names)]:
            taken[name].append(measure(servers[name]))
    return {name: Sample(*map(statistics.median, zip(*samples)))
            for name, samples in taken.items()}


async def offer(port, rate, seconds, request):
    """[(status, seconds since it was due)], sent when due whatever became of those before."""
    idle_connections, results = [], []

    async def one(due):
        streams = idle_connections.pop() if idle_connections else \
            await asyncio.open_connection("127.0.0.1", port)
        streams[1].write(request)
        head = (await streams[0].readuntil(b"\r\n\r\n")).lower()
        await streams[0].readexactly(int(head.partition(b"content-length:")[2].split(b"\r")[0]))
        results.append((int(head.split(b" ")[1]), time.perf_counter() - due))
        if b"connection: close" in head:
            streams[1].close()
        else:
            idle_connections.append(streams)

    began = time.perf_counter()
    tasks = []
    for i in range(int(rate * seconds)):
        due = began + i / rate
        if due > time.perf_counter():
            await asyncio.sleep(due - time.perf_counter())
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    for _, writer in idle_connections:
        writer.close()
    return results
