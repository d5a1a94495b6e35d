"""Workers that are forked from a template (BERTH_FORK_WORKERS)."""

import ctypes
import mmap
import os
import pathlib
import signal

import pytest
from worker_double import ENTRIES, Double

PR_SET_CHILD_SUBREAPER = 36
HANDLER = """
    import os, random
    with open(os.environ["NOTES"], "a") as notes: notes.write("load\\n")
    def model_fn(model_dir): return {"loaded by": os.getpid()}
    def predict_fn(data, model):
        return [os.getpid(), model["loaded by"], os.environ.get("BERTH_WORKER_INDEX")]
"""


class Forked(Double):
    """The server's side of a worker that `template` forked."""

    def __init__(self, template, index):  # pylint: disable=super-init-not-called
        self.template = template
        self.memory = template.memory
        self.ring_fd, self.ready, self.done, theirs, self.control = self.channel()
        self.out = open(template.folder / f"out{index}", "w+b")
        passed = [theirs, self.ring_fd, self.ready, self.done, self.out.fileno()]
        template.send({"type": "fork", "index": index}, passed)
        os.close(theirs)
        self.ring = memoryview(mmap.mmap(self.ring_fd, ENTRIES * 4)).cast("I")
        self.position, self.handed_over, self.files, self.messages = 0, [], {}, []
        self.free = [index]
        self.told = template.receive()
        assert self.told["type"] == "forked" and self.told["index"] == index
        self.pid = self.told["pid"]
        self.pid_fd = os.pidfd_open(self.pid)
        self.status = None

    def begin(self):
        self.send({"type": "begin", "index": self.told["index"]})
        self.first = self.receive()
        return self

    def ended(self):
        if self.status is None:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.ended()
        self.control.close()
        for descriptor in (self.ring_fd, self.ready, self.done, self.pid_fd):
            os.close(descriptor)
        self.out.close()


@pytest.fixture
def template(tmp_path, worker):
    """template(source): a template that has loaded; its fork(index) makes workers. We are their
    parent then, as the server is."""
    prctl = ctypes.CDLL(None).prctl
    assert prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    forked = []

    def start(source=HANDLER, **settings):
        double = worker(
            source, template=True, environ={"NOTES": str(tmp_path / "notes")}, **settings
        )
        assert double.first["type"] == "loaded"

        def fork(index):
            forked.append(Forked(double, index))
            return forked[-1]

        double.fork = fork
        return double

    yield start
    for each in forked:
        each.close()
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def parent_and_group(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[1]), int(fields[2])


def test_workers_are_forked_from_what_was_loaded_once(template, tmp_path):
    made = template()
    workers = [made.fork(index).begin() for index in (0, 1)]
    for index, worker in enumerate(workers):
        assert worker.first == made.first
        assert worker.ask(b"0").json() == [worker.pid, made.process.pid, str(index)]
        assert parent_and_group(worker.pid) == (os.getpid(), worker.pid)
    assert (tmp_path / "notes").read_text() == "load\n"


def test_what_a_worker_writes_is_its_own(template):
    made = template(
        HANDLER + "    print('never ended', end='')\n"
        "    def predict_fn(data, model): print('mine'); os.write(1, b'raw\\n'); return 1\n"
    )
    one, other = made.fork(0).begin(), made.fork(1).begin()
    one.ask(b"0", request_id="r7")
    assert one.lines() == ["\x1er7\x1fmine", "raw"]
    assert other.lines() == []
    assert made.lines() == ["never ended"]


def test_a_forked_worker_stops_as_any_other(template):
    worker = template(HANDLER + "    import atexit; atexit.register(print, 'exit hook')\n").fork(0)
    worker.begin()
    worker.hand_over(b"0")
    assert worker.stop() == 0
    assert worker.wait()[0].status == 200
    assert worker.lines() == ["exit hook"]


def test_workers_outlive_the_template(template):
    made = template()
    worker = made.fork(0).begin()
    made.process.kill()
    made.ended()
    assert worker.ask(b"0").json()[0] == worker.pid


def test_a_template_without_a_server_ends(template):
    made = template()
    worker = made.fork(0)  # has not heard that it may begin
    made.control.shutdown(2)
    assert made.ended() == 1
    worker.control.shutdown(2)
    assert worker.ended() == 1
    assert worker.lines() == ["berth_worker: the server is gone: this worker ends"]


def test_a_wsgi_application_is_loaded_once(template, tmp_path):
    made = template(
        HANDLER + "    def app(environ, start_response):\n"
        "        start_response('200 OK', [])\n        return [b'%d' % os.getpid()]\n",
        mode="wsgi", application="inference:app",
    )  # fmt: skip
    for index in (0, 1):
        worker = made.fork(index).begin()
        assert worker.ask(b"").body == b"%d" % worker.pid
    assert (tmp_path / "notes").read_text() == "load\n"


def test_the_handler_may_fork_in_a_forked_worker(template):
    worker = template(
        HANDLER + "    import multiprocessing\n"
        "    def predict_fn(data, model):\n"
        "        with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "            return [int(x) for x in pool.map(abs, data)]\n"
    ).fork(0)
    assert worker.begin() and worker.ask(b"[-1, 2]").json() == [1, 2]


def test_random_numbers_differ(template):
    made = template(
        HANDLER + "    import numpy\n"
        "    def predict_fn(data, model): return [random.random(), numpy.random.rand()]\n"
    )
    ours, theirs = (made.fork(index).begin().ask(b"0").json() for index in (0, 1))
    assert ours[0] != theirs[0] and ours[1] != theirs[1]


def test_threads_of_the_handler_are_warned_of(template):
    made = template(
        HANDLER + "    import threading\n"
        "    def rest():\n        while True: threading.Event().wait()\n"
        "    threading.Thread(target=rest, name='rest', daemon=True).start()\n"
    )
    for index in (0, 1):
        made.fork(index).begin()
    (line,) = [line for line in made.lines() if "threads" in line]
    assert "BERTH_FORK_WORKERS: the handler has started threads (rest)" in line


def test_a_fork_that_fails_is_told(template):
    made = template(
        HANDLER + "    def fail(): raise OSError(11, 'no')\n"
        "    os.fork = fail\n"
    )
    ring, ready, done, theirs, ours = made.channel()
    made.send({"type": "fork", "index": 3}, [theirs, ring, ready, done, 1])
    assert made.receive() == {
        "type": "fork_failed", "index": 3, "error": os.strerror(11),
    }  # fmt: skip
    os.close(theirs)
    assert ours.recv(1) == b""  # it kept nothing of it
    for descriptor in (ring, ready, done):
        os.close(descriptor)
    ours.close()
