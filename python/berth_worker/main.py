"""Start and end of a worker: PYTHON <this code> CONTROL_FD."""

import faulthandler
import gc
import os
import re
import sys

from . import errors
from .arena import Arena
from .channel import Channel, Control, Gone
from .codecs import np
from .context import Context
from .functions import Functions, HandlerError, find
from .invocations import Invocations
from .output import Output, install_logging
from .template import Template
from .wsgi import Applications, load

# Of what a failure to load says; a message of the control socket must hold it.
_LONGEST_TRACE = 16 << 10

NATIVE_DECODE = [
    "application/json",
    "text/csv",
    "application/x-npy",
    "application/jsonlines",
    "application/x-recordio-protobuf",
]


class Failed(Exception):
    """Loading failed at `stage`; the cause is what is told."""

    def __init__(self, stage):
        super().__init__(stage)
        self.stage = stage


class Worker:
    """What is loaded once; a template hands it to the workers that it forks."""

    def __init__(self, output, config, control):
        self.output = output
        self._control = control
        self.config = config
        self.arena = Arena(config["arena"])
        output.running.memory = self.arena.memory
        self.channel = None
        self.requests = None
        self.forks = False  # a worker, not for the user's code
        self._make = None

    def load(self):
        """The user's code and the model."""
        if self.config.get("mode") == "wsgi":
            folders = _code_dirs(self.config)
            application = _at("application", lambda: load(self.config["application"], folders))
            self._make = lambda: Applications(
                self.arena, self.channel, self.output, application, self.config
            )
            return []
        config = self.config
        model_dir = config.get("model_dir") or "/opt/ml/model"
        gpu = config.get("gpu_id", 0 if os.environ.get("CUDA_VISIBLE_DEVICES") else None)
        context = Context(
            self.arena.memory, config.get("model_name") or "model", model_dir, gpu
        )
        folders = _code_dirs(config)
        module, where = _at("import", lambda: find(config["module"], folders, model_dir))
        functions = _at("handler", lambda: Functions(module, where, context))
        if functions.pre_model_fn is not None:
            _at("model", lambda: functions.pre_model_fn(model_dir))
        model = _at("model", lambda: functions.model_fn(model_dir))
        if functions.model_warmup_fn is not None:
            _at("warmup", lambda: functions.model_warmup_fn(model_dir, model))
        self._make = lambda: Invocations(
            self.arena, self.channel, self.output, functions, model, context, config
        )
        native = config.get("native", True) and np is not None
        defaults = functions.input_fn is None and functions.transform_fn is None
        return NATIVE_DECODE if native and defaults else []

    def connect(self, control, ring, ready, done):
        """To the server; its descriptors become the channel's."""
        self.channel = Channel(control, ring, ready, done, self.config["ring_entries"])

    def serve(self, message):
        self.requests = self._make()
        self.channel.serve(self.requests.run, message)

    def in_child(self):
        """After a fork by the user's code: nothing of the server's is this process's."""
        self.output.in_child(is_worker=self.forks)
        if self.forks:
            return
        if self.requests is not None:
            self.requests.is_child = True
        if self.channel is not None:
            self.channel.close()
        else:
            self._control.close()


def _at(stage, step):
    try:
        return step()
    except Gone:
        raise
    except BaseException as error:  # pylint: disable=broad-except
        raise Failed(stage) from error


def _code_dirs(config):
    model_code = os.path.join(config.get("model_dir") or "/opt/ml/model", "code")
    # As gunicorn: an image's application is most often in its working directory.
    start_dir = config.get("start_dir") if config.get("mode") == "wsgi" else None
    folders = [folder for folder in (config.get("code_dir"), model_code, start_dir) if folder]
    return list(dict.fromkeys(folders))


def _forget_archive():
    """Our archive is no place where the user's modules are, and its descriptor nobody's to keep."""
    place = sys.argv[0]
    if sys.path and sys.path[0] == place:
        del sys.path[0]
    match = re.match(r"/proc/self/fd/(\d+)\Z", place)
    if match:
        os.close(int(match.group(1)))


def _tell_failure(control, output, failed):
    error = failed.__cause__
    trace = "" if isinstance(error, HandlerError) else errors.trace_of(error)
    output.traceback(trace)
    output.last_lines()
    control.send(
        {
            "type": "failed",
            "stage": failed.stage,
            "error": errors.text_of(error)
            if isinstance(error, HandlerError)
            else errors.one_line(error)[:_LONGEST_TRACE],
            "traceback": trace[-_LONGEST_TRACE:],
        }
    )


def main():
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        print("berth_worker: this is started by serve, with a descriptor", file=sys.stderr)
        sys.exit(2)
    control = Control(int(sys.argv[1]))
    output = Output()
    output.install()
    _forget_archive()
    try:
        _run(control, output)
    except Gone as gone:
        output.leave("%s: this worker ends" % gone, 1)
    except KeyboardInterrupt:
        output.leave("interrupted: this worker ends", 130)
    output.last_lines()


def _run(control, output):
    config, _ = control.receive()
    install_logging(output, config.get("log_level", 20))
    faulthandler.enable(2)
    folders = _code_dirs(config)
    sys.path[:] = folders + [entry for entry in sys.path if entry not in folders]
    sys.argv = ["serve"]
    worker = Worker(output, config, control)
    channel = config["ring"], config["ready"], config["done"]
    if config.get("template"):
        control.move()
        for descriptor in channel:
            os.close(descriptor)
    else:
        worker.connect(control, *channel)
    os.close(config["arena"])
    os.register_at_fork(after_in_child=worker.in_child)
    try:
        native_decode = worker.load()
    except Failed as failed:
        _tell_failure(control, output, failed)
        os._exit(1)
    output.end_request()
    # What is loaded stays: no collection needs to look at it again.
    gc.collect()
    gc.freeze()
    loaded = {
        "type": "loaded",
        "native_decode": native_decode,
        "numpy": np.__version__ if np is not None else None,
    }
    control.send(loaded)
    if config.get("template"):
        worker.connect(*Template(worker, control).serve())
        worker.channel.control.send(loaded)
    worker.serve(_only_stop)


def _only_stop(message, _descriptors):
    """Whether to go on after a message."""
    return message.get("type") != "stop"
