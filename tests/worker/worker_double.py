"""The server's side of a worker, for tests: arena, ring, counters, control socket, and the real
worker process."""

import array
import json
import mmap
import os
import pathlib
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Another interpreter to run the worker with.
PYTHON = os.environ.get("BERTH_WORKER_PYTHON", sys.executable)

SMALL, LARGE, PAYLOAD = 16, 3, 1 << 20
SMALL_OFFSET = 4096
LARGE_OFFSET = SMALL_OFFSET + SMALL * 65536
LARGE_SLOT = 65536 + 2 * PAYLOAD
ARENA = LARGE_OFFSET + LARGE * LARGE_SLOT
ENTRIES = 64
HEARTBEAT = 0xFFFFFFFF
PATIENCE = 30  # seconds

DTYPES = ["?", "<i1", "<u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"]
CODE = {np.dtype(name): code for code, name in enumerate(DTYPES, 1)}
JSON, CSV, NPY = 1, 2, 3
BYTES, TENSOR, FILE, DROPPED = 1, 2, 3, 4


def archive():
    """The worker's code as it is carried in the binary: a file in memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "worker.zip")
        subprocess.run(
            [sys.executable, ROOT / "cmake/zip_worker.py", ROOT / "python", path], check=True
        )
        descriptor = os.memfd_create("worker", 0)
        os.write(descriptor, path.read_bytes())
    return descriptor


class Response:
    """What stands in a slot after its request. `body`: bytes, or an array where kind is TENSOR."""

    def __init__(self, memory, base, file):
        (self.kind, self.status, offset, length, dtype, dimensions, fortran, self.encoding,
         headers_length, headers_offset) = struct.unpack_from("<IIQQBBBBIQ", memory, base + 256)  # fmt: skip
        self.shape = struct.unpack_from("<%dq" % dimensions, memory, base + 296)
        (self.begun, self.decoded, self.predicted, self.ended, self.flags, freed) = (
            struct.unpack_from("<qqqqII", memory, base + 360)
        )
        self.freed = list(struct.unpack_from("<%dI" % freed, memory, base + 400))
        self.fortran = fortran
        words = memory[base + headers_offset : base + headers_offset + headers_length]
        words = words.decode("latin-1").split("\0")
        self.headers = list(zip(words[0:-1:2], words[1::2]))
        raw = memory[base + offset : base + offset + length]
        if self.kind == TENSOR:
            flat = np.frombuffer(raw, DTYPES[dtype - 1])
            self.body = flat.reshape(self.shape, order="F" if fortran else "C")
        elif self.kind == FILE:
            assert os.fstat(file).st_size == length
            self.body = os.pread(file, length + 1, 0)
        else:
            self.body = raw

    @property
    def content_type(self):
        return dict(self.headers).get("Content-Type")

    def json(self):
        return json.loads(self.body)


class Double:
    def __init__(self, folder, source=None, environ=None, python=PYTHON, **config):
        """`source`: of inference.py; None: there is none."""
        self.folder = pathlib.Path(folder)
        self.code = self.folder / "model" / "code"
        self.code.mkdir(parents=True, exist_ok=True)
        if source is not None:
            (self.code / "inference.py").write_text(textwrap.dedent(source))
        self.arena_fd = os.memfd_create("arena", os.MFD_ALLOW_SEALING)
        os.ftruncate(self.arena_fd, ARENA)
        self.memory = mmap.mmap(self.arena_fd, ARENA)
        struct.pack_into(
            "<8sIIQQQQ", self.memory, 0,
            b"BERTHAR1", SMALL, LARGE, SMALL_OFFSET, LARGE_OFFSET, PAYLOAD, ARENA,
        )  # fmt: skip
        self.descriptors = self.channel()
        self.ring_fd, self.ready, self.done, worker_side, self.control = self.descriptors
        self.ring = memoryview(mmap.mmap(self.ring_fd, 4096)).cast("I")
        self.position = 0
        self.handed_over = []  # slots, in order, not finished
        self.files = {}
        self.messages = []
        self.free = list(range(SMALL))
        self.out = open(self.folder / "out", "w+b")
        code = archive()
        inherited = [self.arena_fd, self.ring_fd, self.ready, self.done, worker_side]
        self.process = subprocess.Popen(
            [python, "-u", "/proc/self/fd/%d" % code, str(worker_side)],
            pass_fds=inherited + [code],
            stdin=subprocess.DEVNULL,
            stdout=self.out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environ or {})},
            start_new_session=True,
        )
        os.close(code)
        self.pid_fd = os.pidfd_open(self.process.pid)
        os.close(worker_side)
        message = {
            "arena": self.arena_fd, "ring": self.ring_fd, "ready": self.ready, "done": self.done,
            "index": 0, "mode": "handler", "model_dir": str(self.folder / "model"),
            "code_dir": str(self.code), "module": "inference", "application": None,
            "default_accept": "application/json", "native": True, "traceback_in_errors": False,
            "ring_entries": ENTRIES,
        }  # fmt: skip
        self.send({**message, **config})
        self.first = self.receive()

    @staticmethod
    def channel():
        """ring, ready, done, the worker's side of control, ours."""
        ring = os.memfd_create("ring")
        os.ftruncate(ring, 4096)
        ready = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_SEMAPHORE)
        done = os.eventfd(0, os.EFD_NONBLOCK)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(PATIENCE)
        return ring, ready, done, theirs.detach(), ours

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.control.close()
        for descriptor in (self.arena_fd, self.ring_fd, self.ready, self.done, self.pid_fd):
            os.close(descriptor)
        for descriptor in self.files.values():
            os.close(descriptor)
        self.out.close()

    # Control.

    def send(self, message, descriptors=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        self.control.sendmsg([json.dumps(message).encode()], rights if descriptors else [])

    def receive(self):
        """The next message; None: the worker closed its side."""
        data, ancillary, _, _ = self.control.recvmsg(1 << 18, socket.CMSG_SPACE(4))
        for _, _, content in ancillary:
            (self.files[json.loads(data)["slot"]],) = array.array("i", content)
        return json.loads(data) if data else None

    # Requests.

    @staticmethod
    def base(slot):
        if slot < SMALL:
            return SMALL_OFFSET + slot * 65536
        return LARGE_OFFSET + (slot - SMALL) * LARGE_SLOT

    def hand_over(
        self, body=b"", content_type="application/json", accept="", headers=(), method="POST",
        target="/invocations", slot=None, deadline=60.0, cancelled=0, request_id="r1", fortran=False,
    ):  # fmt: skip
        """`body`: bytes, or an array: a tensor that the server decoded. Returns the slot."""
        slot = self.free[0] if slot is None else slot
        base = self.base(slot)
        offset = 8192 if slot < SMALL else 65536
        dtype = dimensions = 0
        kind, raw = 0, body
        if isinstance(body, np.ndarray):
            kind, raw, dtype, dimensions = 1, body.tobytes("F" if fortran else "C"), CODE[body.dtype], body.ndim
            struct.pack_into("<%dq" % body.ndim, self.memory, base + 40, *body.shape)
        words = [method, target, content_type, accept] + [w for pair in headers for w in pair]
        blob = b"".join(word.encode("latin-1") + b"\0" for word in words)
        expires = time.monotonic_ns() + int(deadline * 1e9)
        name = request_id.encode()
        struct.pack_into(
            "<IIQQqIBBBB", self.memory, base,
            kind, cancelled, offset, len(raw), expires, len(blob), dtype, dimensions, fortran, len(name),
        )  # fmt: skip
        self.memory[base + 128 : base + 128 + len(name)] = name
        self.memory[base + 1024 : base + 1024 + len(blob)] = blob
        self.memory[base + offset : base + offset + len(raw)] = raw
        self.memory[base + 256 : base + 1024] = b"\xee" * 768  # what was there before
        self.push(slot)
        return slot

    def push(self, number):
        self.ring[self.position] = number
        self.position = (self.position + 1) % ENTRIES
        self.handed_over.append(number)
        os.eventfd_write(self.ready, 1)

    def recall(self):
        """The last slot handed over and not begun; None: all are begun."""
        try:
            os.eventfd_read(self.ready)
        except BlockingIOError:
            return None
        self.position = (self.position - 1) % ENTRIES
        return self.handed_over.pop()

    def wait(self, count=1):
        """The responses of the next `count` finished requests (None: a heartbeat)."""
        finished = 0
        poll = select.poll()
        for descriptor in (self.done, self.pid_fd, self.control.fileno()):
            poll.register(descriptor, select.POLLIN)
        until = time.monotonic() + PATIENCE
        while finished < count:
            events = poll.poll(max(0, until - time.monotonic()) * 1000)
            assert events, "the worker did not finish: " + self.text()
            ready = [descriptor for descriptor, _ in events]
            if self.control.fileno() in ready:
                message = self.receive()
                if message is not None:
                    self.messages.append(message)
                    continue
            if self.done in ready:
                finished += os.eventfd_read(self.done)
                continue
            raise AssertionError("the worker ended: " + self.text())
        slots, self.handed_over = self.handed_over[:finished], self.handed_over[finished:]
        return [self.response(slot) for slot in slots]

    def response(self, slot):
        if slot == HEARTBEAT:
            return None
        return Response(self.memory, self.base(slot), self.files.get(slot))

    def ask(self, body=b"", **request):
        self.hand_over(body, **request)
        return self.wait()[0]

    # The process.

    def ended(self):
        """Its exit code."""
        return self.process.wait(PATIENCE)

    def stop(self):
        self.send({"type": "stop"})
        return self.ended()

    def marked_text(self):
        """All that it has written."""
        return pathlib.Path(self.out.name).read_text(errors="surrogateescape")

    def text(self):
        """The same without the levels."""
        text = re.sub("\x1e\x1d[DWE]\x1f", "", self.marked_text())
        return re.sub("\x1d[DWE]\x1f", "\x1f", text)

    def lines(self):
        return self.text().split("\n")[:-1]  # splitlines() would split at \x1e
