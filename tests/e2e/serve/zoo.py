"""A handler that does what the body says: "<what>[ <argument>]". Read as text by conftest.py."""

import ctypes
import os
import signal
import sys
import threading
import time

BASE = os.environ["SAGEMAKER_BASE_DIR"]


def model_fn(model_dir):
    return {"count": 0}


def note(name, text):
    """Appended at once and whole: several workers do so."""
    with open(os.path.join(BASE, name), "a") as file:
        file.write(text + "\n")


def wait_for(name):
    """Until the test has made that file."""
    while not os.path.exists(os.path.join(BASE, name)):
        time.sleep(0.005)


def echo(argument):
    return argument


def pid(_):
    return str(os.getpid())


def noted(argument):
    note("noted", argument)
    return argument


def held(argument):
    """held NAME: says that it runs, and goes on when the test says so."""
    note("running", argument)
    wait_for(argument)
    return argument


def leave(argument):
    os._exit(int(argument))


def sys_exit(argument):
    sys.exit(int(argument))


def segfault(_):
    ctypes.string_at(0)


def killed(argument):
    os.kill(os.getpid(), int(argument))


def deadlock(_):
    note("running", "deadlock")
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def uninterruptible(_):
    """A deadlock that no signal but SIGKILL ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL})
    deadlock(_)


def memory(_):
    import resource
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), resource.RLIM_INFINITY))
    kept = []
    try:
        while True:
            kept.append(bytearray(1 << 20))
    finally:
        del kept
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def forks(_):
    """The child comes back from the handler as its parent does."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return "parent"
    return "child"


def forks_on(_):
    """A child that lives on, with all that it inherited, in a session of its own."""
    child = os.fork()
    if child == 0:
        os.setsid()
        while True:
            signal.pause()
    return str(child)


def closes(_):
    os.closerange(0, 65536)
    return "closed"


def floods(_):
    note("running", "floods")
    line = b"without end, without end, without end\n" * 1000
    while True:
        os.write(1, line)


def thread(_):
    threading.Thread(target=threading.Event().wait, daemon=False).start()
    return str(threading.active_count())


def raises(argument):
    raise ValueError(argument)


def transform_fn(model, data, content_type, accept):
    what, _, argument = (data if isinstance(data, str) else bytes(data).decode()).partition(" ")
    return globals()[what](argument), "text/plain"
