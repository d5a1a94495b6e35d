"""BERTH_FORK_WORKERS: the model is loaded once, by the template; the workers are forked from it."""

import contextlib
import datetime
import os
import pathlib
import re
import select
import signal

import pytest
from serving_server import PATIENCE, until

MODEL_MIB = 64
SUM = str(MODEL_MIB * 32)
# The zoo, with a model of that size, which each request reads.
HANDLER = (pathlib.Path(__file__).resolve().parent / "zoo.py").read_text() + f"""
import atexit
import numpy as np

atexit.register(lambda: note("exits", str(os.getpid())))

def model_fn(model_dir):
    note("loads", "load")
    return np.ones({MODEL_MIB} << 17)

zoo = transform_fn
def transform_fn(model, data, content_type, accept):
    total = str(int(model[::4096].sum()))
    return str(os.getpid()) + " " + total + " " + zoo(model, data, content_type, accept)[0]
"""


@pytest.fixture
def serve(place):
    def start(handler=HANDLER, **variables):
        settings = {
            "BERTH_FORK_WORKERS": "true", "SAGEMAKER_MODEL_SERVER_WORKERS": "3",
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "10",
        }  # fmt: skip
        return place.handler(handler).server(**settings | variables).start()

    return start


def told(server, pattern, times=1):
    """What the first group is of that many matches in the log."""

    def found():
        matches = (re.search(pattern, line) for line in server.log.lines)
        return [match[1] for match in matches if match]

    until(lambda: len(found()) >= times, f"{pattern}, {times} times")
    return found()


def processes(server, times=3):
    """Of the workers, in the order of their starts."""
    return [int(pid) for pid in told(server, r"worker \d+ is process (\d+)", times)]


def template_of(server, times=1):
    return int(told(server, r"the template is process (\d+)", times)[-1])


@contextlib.contextmanager
def running(place, server, count):
    """That many requests that are run now, each by another worker. Yields a function that has them
    go on: the workers that answer."""
    before = len(place.noted("running"))
    name = f"go{before}"
    answers = [server.later(f"held {name}") for _ in range(count)]
    place.wait_for("running", name, count)

    def go():
        place.go(name)
        got = [answer() for answer in answers]
        assert [answer.status for answer in got] == [200] * count
        words = [answer.text.split() for answer in got]
        assert [word[1:] for word in words] == [[SUM, name]] * count
        return [int(word[0]) for word in words]

    yield go


@contextlib.contextmanager
def ends_of(*pids):
    """On leaving it has seen the ends of these processes."""
    descriptors = [os.pidfd_open(pid) for pid in pids]
    try:
        yield
        for pid, descriptor in zip(pids, descriptors):
            assert select.select([descriptor], [], [], PATIENCE)[0], f"{pid} lives on"
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def private_mib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(n) for n in re.findall(r"Private_\w+: +(\d+) kB", text)) / 1024


def pss_mib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss: +(\d+) kB", text, re.M)[1]) / 1024


def test_the_model_is_loaded_once_and_shared(place, serve):
    server = serve().ready()
    workers, template = processes(server), template_of(server)
    assert len({template, *workers}) == 4
    with running(place, server, 3) as go:
        assert sorted(go()) == sorted(workers)
    assert len(place.noted("loads")) == 1
    for pid in workers:  # the model was read by all of them
        assert private_mib(pid) < MODEL_MIB / 2
        assert pss_mib(pid) < MODEL_MIB / 2


def test_a_worker_that_is_killed_is_replaced_without_a_load(place, serve):
    server = serve().ready()
    killed = processes(server)[0]
    with ends_of(killed):
        os.kill(killed, signal.SIGKILL)
    told(server, r"worker (0) was killed by signal 9")
    replaced = processes(server, 4)[-1]
    told(server, r"worker (\d) was forked", 4)
    with running(place, server, 3) as go:
        assert replaced in go()
    assert len(place.noted("loads")) == 1


def test_only_the_request_of_a_worker_that_exits_fails(serve):
    server = serve().ready()
    answer = server.invoke("leave 3")
    assert answer.status == 500
    assert answer.error[1] == "the worker that ran this request exited with code 3"
    assert server.invoke("pid").status == 200


def test_the_template_may_die(place, serve):
    server = serve().ready()
    workers, template = processes(server), template_of(server)
    with running(place, server, 3) as go:
        with ends_of(template):
            os.kill(template, signal.SIGKILL)
        told(server, r"the template (was killed by signal 9)")
        # Its workers live on, and what they run.
        assert sorted(go()) == sorted(workers)
    assert template_of(server, 2) != template
    told(server, r"the template has loaded the model in ([\d.]+)", 2)
    assert len(place.noted("loads")) == 2
    os.kill(workers[0], signal.SIGKILL)
    told(server, r"worker (\d) was forked", 4)
    with running(place, server, 3) as go:
        assert processes(server, 4)[-1] in go()
    assert len(place.noted("loads")) == 2


def test_a_template_that_does_not_load_again_is_tried_with_pauses(place, serve):
    fails = HANDLER.replace('note("loads", "load")', 'note("loads", "load"); fail()') + (
        "def fail():\n"
        "    if len(open(BASE + '/loads').readlines()) > 1: raise OSError('no weights')\n"
    )
    server = serve(fails).ready()
    os.kill(template_of(server), signal.SIGKILL)
    assert server.wait() == 1
    assert len(place.noted("loads")) == 5  # the fifth end in a row is the last
    ends = [
        datetime.datetime.fromisoformat(line.split()[0].rstrip("Z"))
        for line in server.log.lines
        if "the template could not load" in line and " ERROR " in line
    ]
    assert ends[2] - ends[1] > datetime.timedelta(milliseconds=200)
    assert ends[3] - ends[2] > datetime.timedelta(milliseconds=400)


def test_template_and_workers_may_die_together(serve):
    server = serve().ready()
    for pid in (template_of(server), *processes(server)):
        os.kill(pid, signal.SIGKILL)
    told(server, r"worker (\d) was forked", 6)
    assert server.invoke("pid").status == 200


def test_a_template_that_stands_still_is_replaced(place, serve):
    server = serve().ready()
    os.kill(template_of(server), signal.SIGSTOP)
    os.kill(processes(server)[0], signal.SIGKILL)
    told(server, r"the template is replaced: (it stands still)")
    told(server, r"worker (0) was forked", 2)


def test_asked_to_end_workers_finish_and_run_their_exit_hooks(place, serve):
    server = serve().ready()
    workers, template = processes(server), template_of(server)
    with ends_of(template, *workers), running(place, server, 2) as go:
        server.signal()
        told(server, r"(asked to end)")
        go()
        assert server.wait() == 0
    assert sorted(place.noted("exits")) == sorted(str(pid) for pid in workers)


def test_a_server_that_is_killed_leaves_nothing(place, serve):
    server = serve().ready()
    # One is in a request, and would be for ever.
    with running(place, server, 1), ends_of(template_of(server), *processes(server)):
        server.process.kill()
    assert server.wait() == -signal.SIGKILL


def test_asked_to_end_while_the_template_loads(serve):
    server = serve("import signal\ndef model_fn(d): print('loads'); signal.pause()\n"
                   "def predict_fn(d, m): return 1\n")  # fmt: skip
    told(server, r"(loads)")
    with ends_of(template_of(server)):
        server.signal()
        assert server.wait() == 0


@pytest.mark.parametrize(
    "handler, code, reason",
    [
        ("def model_fn(d): 1 / 0\ndef predict_fn(d, m): return 1\n", 1,
         "the template could not load the model: ZeroDivisionError: division by zero (tried 3 times)"),
        ("def model_fn(d): return 1\n", 2, "predict_fn"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_loaded_ends_the_server(serve, handler, code, reason):
    server = serve(handler)
    assert server.wait() == code
    (line,) = [line for line in server.log.lines if "cannot serve: " in line]
    assert reason in line


def test_without_a_number_of_workers_the_cpus_decide(place, serve):
    server = serve(SAGEMAKER_MODEL_SERVER_WORKERS="").ready()
    (cpus,) = told(server, r" (\d+) CPUs, ")
    assert len(processes(server, int(cpus))) == int(cpus)
    assert len(place.noted("loads")) == 1


def test_with_gpus_it_is_ignored(place, serve):
    server = serve(CUDA_VISIBLE_DEVICES="0").ready()
    told(server, r"(BERTH_FORK_WORKERS is ignored: there are GPUs)")
    assert len(place.noted("loads")) == 3
