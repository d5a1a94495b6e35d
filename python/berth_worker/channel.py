"""How requests are handed over: the ring, two event counters, the control socket.

One unit of `ready` is one request that is handed over and not begun. Who reads the unit has the
request: this worker, which claims it, or the server, which takes it back.
"""

import array
import errno
import fcntl
import json
import mmap
import os
import resource
import select
import socket

from . import layout

# A message is at most this long.
_MESSAGE = 256 << 10


class Gone(Exception):
    """The other side is gone, or our descriptors are."""


class Control:
    """The socket for messages of JSON, one a packet, some with descriptors."""

    def __init__(self, descriptor):
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(True)

    def fileno(self):
        return self._socket.fileno()

    def receive(self):
        """The next message and its descriptors; Gone: the server closed its side."""
        room = socket.CMSG_SPACE(16 * array.array("i").itemsize)
        try:
            data, ancillary, flags, _ = self._socket.recvmsg(
                _MESSAGE, room, socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionError:
            raise Gone("the server is gone") from None
        descriptors = array.array("i")
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
        if not data:
            raise Gone("the server is gone")
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise ValueError("a message of the server is longer than %d bytes" % _MESSAGE)
        return json.loads(data.decode()), list(descriptors)

    def send(self, message, descriptors=()):
        rights = []
        if descriptors:
            numbers = array.array("i", descriptors)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)]
        try:
            self._socket.sendmsg([json.dumps(message).encode()], rights)
        except ConnectionError:
            raise Gone("the server is gone") from None

    def move(self):
        """Away from where handlers' files get their numbers: see out_of_the_way()."""
        self._socket = socket.socket(fileno=out_of_the_way(self._socket.detach()))

    def close(self):
        self._socket.close()


def out_of_the_way(descriptor):
    """The same file under a high number. Where a handler closes what it did not open, the number
    stays unused and is noticed, instead of being that of a file which it opens next."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY or limit > 1024:
        limit = 1024
    try:
        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, max(limit - 64, 3))
    except OSError:
        os.set_inheritable(descriptor, False)
        return descriptor
    os.close(descriptor)
    return moved


class Channel:
    def __init__(self, control, ring, ready, done, entries):
        self.control = control
        control.move()
        self._ready = out_of_the_way(ready)
        self._done = out_of_the_way(done)
        memory = mmap.mmap(ring, entries * 4, prot=mmap.PROT_READ)
        os.close(ring)
        self._ring = memoryview(memory).cast("I")
        poll = select.poll()
        poll.register(self._ready, select.POLLIN)
        poll.register(control.fileno(), select.POLLIN)
        self._poll = poll.poll

    def serve(self, run, message):
        """Runs what is handed over, run(slot), until message(text, descriptors) returns false for a
        message of the server. Messages wait until nothing is handed over. Gone: see there."""
        read, write, ready, done = os.read, os.write, self._ready, self._done
        ring = self._ring
        entries = len(ring)
        position = 0
        one = layout.ONE
        heartbeat = layout.HEARTBEAT
        try:
            while True:
                try:
                    read(ready, 8)
                except BlockingIOError:
                    if self._wait() or message(*self.control.receive()):
                        continue
                    return
                slot = ring[position]
                position += 1
                if position == entries:
                    position = 0
                if slot != heartbeat:
                    run(slot)
                write(done, one)
        except OSError as error:
            if error.errno == errno.EBADF:
                raise Gone("the handler closed descriptors that it did not open") from None
            raise

    def send_file(self, descriptor, slot):
        self.control.send({"type": "body", "slot": slot}, [descriptor])

    def close(self):
        """For a child, which has no part in this."""
        for descriptor in (self._ready, self._done):
            try:
                os.close(descriptor)
            except OSError:
                pass
        self._ready = self._done = -1
        self.control.close()

    def _wait(self):
        """Sleeps. Whether something was handed over; else there is a message."""
        for descriptor, events in self._poll():
            if events & select.POLLNVAL:
                raise OSError(errno.EBADF, "")
            if descriptor == self._ready:
                return True
        return False
