#!/usr/bin/env python3
"""One worker without the server: what it can do by itself.

The other side hands over a request of three numbers whenever one is finished, DEPTH at once.
"""

import os
import pathlib
import select
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/worker"))
import worker_double  # noqa: E402

DEPTH = 8
SECONDS = 2.0
HANDLER = """
    def model_fn(model_dir): return 2
    def predict_fn(data, model): return data * 2
"""


def cpu_seconds(pid):
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def measure(double, body):
    """Requests per second, and the worker's CPU time for one in us."""
    for _ in range(200):
        double.ask(body)
    poll = select.poll()
    poll.register(double.done, select.POLLIN)
    ring, ready, done, position = double.ring, double.ready, double.done, double.position
    begin, cpu = time.monotonic(), cpu_seconds(double.process.pid)
    for slot in range(DEPTH):
        double.hand_over(body, slot=slot)
    position, slot, finished, handed_over = double.position, 0, 0, DEPTH
    while finished < handed_over:
        try:
            count = os.eventfd_read(done)
        except BlockingIOError:
            poll.poll()
            continue
        finished += count
        if time.monotonic() - begin > SECONDS:
            continue
        for _ in range(count):
            ring[position] = slot
            position = (position + 1) % worker_double.ENTRIES
            slot = (slot + 1) % DEPTH
            os.eventfd_write(ready, 1)
        handed_over += count
    took, cpu = time.monotonic() - begin, cpu_seconds(double.process.pid) - cpu
    return finished / took, cpu / finished * 1e6


def main():
    tensor, text = np.array([1.0, 2.0, 3.0]), b"[1.0, 2.0, 3.0]"
    for name, body, native in (
        ("tensor in, tensor out", tensor, True),
        ("JSON text in, tensor out", text, True),
        ("JSON text in and out", text, False),
    ):
        with tempfile.TemporaryDirectory() as folder:
            double = worker_double.Double(folder, HANDLER, native=native)
            assert double.first["type"] == "loaded", double.first
            rate, cost = measure(double, body)
            double.close()
        print(f"{name}: {rate:,.0f} requests/s, {cost:.2f} us of the worker's CPU time each")


if __name__ == "__main__":
    main()
