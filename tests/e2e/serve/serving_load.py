"""A client that keeps N connections busy, and knows exactly what came back."""

import asyncio
import collections
import contextlib


class Load:
    """Sends bodies[0], bodies[1] … as POST /invocations over `connections` keep-alive connections;
    answers[i] is (status, body) of bodies[i], None where the connection ended without one."""

    def __init__(self, port, bodies, connections=16):
        self.port = port
        self.bodies = bodies
        self.connections = connections
        self.answers = [None] * len(bodies)
        self.sent = [False] * len(bodies)
        self.answered = 0
        self.refused = 0  # connections that could not be made, or ended without an answer
        self.stopped = False
        self._next = 0
        self._progress = []  # (answers, event), in ascending order

    def after(self, answers):
        """An event that is set when so many have come, or no more will."""
        event = asyncio.Event()
        if self.stopped or self.answered >= answers:
            event.set()
        else:
            self._progress.append((answers, event))
        return event.wait()

    def stop(self):
        """No request begins after this."""
        self.stopped = True

    async def run(self):
        await asyncio.gather(*(self._connection() for _ in range(self.connections)))
        self.stopped = True
        for _, event in self._progress:
            event.set()

    @property
    def statuses(self):
        return collections.Counter(a[0] if a else None for a in self.answers)

    def _take(self):
        index = self._next
        if self.stopped or index >= len(self.bodies):
            return None
        self._next += 1
        return index

    async def _connection(self):
        index = self._take()
        while index is not None:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                self.refused += 1
                return
            try:
                while index is not None:
                    self.sent[index] = True
                    writer.write(_request(self.bodies[index]))
                    status, body, keep = await _answer(reader)
                    self._came(index, (status, body))
                    index = self._take()
                    if not keep:
                        break
            except (OSError, asyncio.IncompleteReadError):
                self.refused += 1
                index = self._take()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    def _came(self, index, answer):
        assert self.answers[index] is None
        self.answers[index] = answer
        self.answered += 1
        while self._progress and self._progress[0][0] <= self.answered:
            self._progress.pop(0)[1].set()


def _request(body):
    return (
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Type: text/plain\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )


async def _answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    version, status, _ = lines[0].split(" ", 2)
    assert version == "HTTP/1.1"
    headers = dict(line.lower().split(": ", 1) for line in lines[1:-2])
    body = await reader.readexactly(int(headers["content-length"]))
    return int(status), body, headers.get("connection") != "close"


def run(load, *tasks):
    """The load, and what shall happen meanwhile (coroutines)."""

    async def together():
        await asyncio.gather(load.run(), *tasks)

    asyncio.run(together())
    return load
