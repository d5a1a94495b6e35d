"""The template: it has loaded the model, and workers are forked from it.

A worker is forked by a child of the template's that ends at once. So the worker becomes a child of the
server (which adopts orphans): its end is told to the server and to nobody else, it lives on when
the template dies, and it can ask to die with the server.
"""

import os
import signal
import struct
import sys
import threading

from .channel import Control

_PR_SET_PDEATHSIG = 1
_PID = struct.Struct("=i")


class Template:
    def __init__(self, worker, control):
        self._worker = worker
        self._control = control
        self._server = os.getppid()
        self._warned = False
        self._prctl = _prctl()

    def serve(self):
        """Forks a worker for each message that asks for one. Comes back in the workers only: what to
        connect to, (control, ring, ready, done). Gone: the server is."""
        while True:
            message, descriptors = self._control.receive()
            self._warn()
            answer = self._fork(message["index"], descriptors)
            if answer is None:
                return self._begin(descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            self._control.send(answer)

    def _fork(self, index, descriptors):
        """What to tell the server; nothing in the worker."""
        reader, writer = os.pipe()
        self._worker.forks = True
        try:
            between = os.fork()
            if not between:
                self._fork_again(writer)
                os.close(reader)
                os.close(writer)
                return None
        except OSError as error:
            os.close(reader)
            os.close(writer)
            return _failed(index, error.errno)
        finally:
            self._worker.forks = False
        os.close(writer)
        try:
            os.waitpid(between, 0)
        except ChildProcessError:
            pass  # the user's code has SIGCHLD ignored; it has ended all the same
        number = os.read(reader, _PID.size)
        os.close(reader)
        (pid,) = _PID.unpack(number) if len(number) == _PID.size else (0,)
        if pid > 0:
            return {"type": "forked", "index": index, "pid": pid}
        return _failed(index, -pid)

    @staticmethod
    def _fork_again(writer):
        """Comes back in the worker only. Tells its number, or what went wrong as a negative one."""
        try:
            try:
                pid = os.fork()
                if not pid:
                    return
                os.setpgid(pid, pid)
            except OSError as error:
                pid = -error.errno
            os.write(writer, _PID.pack(pid))
        except BaseException:  # pylint: disable=broad-except
            os._exit(1)  # whatever it is, this process must not become a second template
        os._exit(0)

    def _begin(self, descriptors):
        """In the worker: takes what is its own."""
        self._control.close()
        number, ring, ready, done, out = descriptors
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.close(out)
        control = Control(number)
        # The server sends this once the worker is its child.
        message, _ = control.receive()
        self._die_with_the_server()
        os.environ["BERTH_WORKER_INDEX"] = str(message["index"])
        _reseed()
        return control, ring, ready, done

    def _die_with_the_server(self):
        if self._prctl is not None:
            self._prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != self._server:
            os._exit(1)  # it died before that was set

    def _warn(self):
        if self._warned:
            return
        self._warned = True
        if threading.active_count() > 1:
            names = sorted(t.name for t in threading.enumerate() if t is not threading.main_thread())
            print(
                "berth_worker: BERTH_FORK_WORKERS: the handler has started threads (%s); they run"
                " in the template only, not in the workers" % ", ".join(names),
                file=sys.stderr,
            )
        if self._prctl is None:
            print(
                "berth_worker: BERTH_FORK_WORKERS: this Python has no ctypes; a worker that runs a"
                " request outlives a server that is killed, until it has finished it",
                file=sys.stderr,
            )


def _prctl():
    try:
        import ctypes  # pylint: disable=import-outside-toplevel
    except ImportError:  # a Python without libffi
        return None
    return ctypes.CDLL(None).prctl


def _failed(index, number):
    why = os.strerror(number) if number else "it died while it forked"
    return {"type": "fork_failed", "index": index, "error": why}


def _reseed():
    """Workers that are equal shall not draw equal numbers. (`random` sees to itself.)"""
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed()
