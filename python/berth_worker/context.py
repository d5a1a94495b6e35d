"""What a function with one more argument gets: the names of multi-model-server's context, and
`deadline` (of time.monotonic()) and `remaining` (seconds)."""

import re
import time

from . import layout

_FORBIDDEN = re.compile("[\0\r\n]")


class Metrics:
    """Takes what handlers report; the server's own numbers are at /metrics."""

    def _ignore(self, *_arguments, **_named):
        pass

    add_counter = add_time = add_size = add_percent = add_error = add_metric = _ignore


class RequestProcessor:
    """The headers of the request, and status and headers of its answer."""

    def __init__(self):
        self._names = []
        self._blob = b""
        self._properties = None
        self._lower = None
        self.changed = False
        self.status = 200
        self.phrase = ""
        self.headers = {}

    def begin(self, blob):
        """A new request; `blob`: name, value, name, value, each ended by NUL."""
        self._blob = blob
        self._properties = self._lower = None
        if self.changed:
            self.changed = False
            self.status = 200
            self.phrase = ""
            self.headers = {}

    def get_request_properties(self):
        """All headers, with names as sent; of those sent twice, the last."""
        if self._properties is None:
            words = self._blob.decode("latin-1").split("\0")
            self._properties = dict(zip(words[0:-1:2], words[1::2]))
        return self._properties

    def get_request_property(self, key):
        """One header, its name in any case; None where it was not sent."""
        properties = self.get_request_properties()
        if key in properties:
            return properties[key]
        if self._lower is None:
            self._lower = {name.lower(): value for name, value in properties.items()}
        return self._lower.get(key.lower())

    def report_status(self, code, reason_phrase=None):
        code = int(code)
        if not 200 <= code <= 599:
            raise ValueError("a response status of %d: it is 200 to 599" % code)
        self.changed = True
        self.status = code
        self.phrase = reason_phrase

    def get_response_status_code(self):
        return self.status

    def get_response_status_phrase(self):
        return self.phrase

    def add_response_property(self, key, value):
        key, value = str(key), str(value)
        if _FORBIDDEN.search(key + value) or not key:
            raise ValueError("a response header %r: %r cannot be sent" % (key, value))
        self.changed = True
        for known in self.headers:
            if known.lower() == key.lower():
                self.headers[known] = value
                return
        self.headers[key] = value

    def get_response_headers(self):
        return self.headers

    get_response_header = get_response_headers


class Context:
    """One for all requests of a worker: functions must not keep it for later."""

    def __init__(self, memory, model_name, model_dir, gpu):
        self._memory = memory
        self._base = -1
        self.model_name = model_name
        self.manifest = {}
        self.metrics = Metrics()
        self.system_properties = {
            "model_dir": model_dir,
            "gpu_id": gpu,
            "batch_size": 1,
            "server_name": "berth",
            "server_version": "1",
        }
        self.request_processor = [RequestProcessor()]
        self.deadline = None

    def begin(self, base, blob, deadline):
        """`deadline`: ns."""
        self._base = base
        self.deadline = deadline / 1e9
        self.request_processor[0].begin(blob)

    @property
    def remaining(self):
        """Seconds until the deadline, below 0 behind it; None while no request is run."""
        return None if self.deadline is None else self.deadline - time.monotonic()

    @property
    def request_ids(self):
        return {0: self.get_request_id()}

    def get_request_id(self, idx=0):
        if idx != 0 or self._base < 0:
            return None
        return layout.request_id(self._memory, self._base)

    def get_request_header(self, idx, key):
        return self.request_processor[idx].get_request_property(key)

    def get_all_request_header(self, idx):
        return self.request_processor[idx].get_request_properties()

    def set_response_content_type(self, idx, value):
        self.request_processor[idx].add_response_property("Content-Type", value)

    def get_response_content_type(self, idx):
        for name, value in self.request_processor[idx].headers.items():
            if name.lower() == "content-type":
                return value
        return None

    def set_response_status(self, code=200, phrase="", idx=0):
        self.request_processor[idx].report_status(code, phrase)

    def set_all_response_status(self, code=200, phrase=""):
        self.set_response_status(code, phrase)

    def get_response_status(self, idx):
        processor = self.request_processor[idx]
        return processor.status, processor.phrase

    # As older releases call them.
    set_http_response_status = set_response_status
    get_http_response_status = get_response_status

    def set_response_header(self, idx, key, value):
        self.request_processor[idx].add_response_property(key, value)

    def get_response_headers(self, idx):
        return self.request_processor[idx].headers
