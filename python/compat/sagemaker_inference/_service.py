"""A service for multi-model-server as a WSGI application, which Berth's workers run.

The rules of what a service is, and of its context, are multi-model-server's (docs/custom_service.md
there; mms/model_loader.py, mms/service.py).
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys

from sagemaker_inference import environment


class RequestProcessor(object):
    """The headers of a request; status and headers of its answer."""

    def __init__(self, headers):
        self._request = headers
        self._lower = {name.lower(): value for name, value in headers.items()}
        self._response = {}
        self._status = 200
        self._phrase = None

    def get_request_properties(self):
        return self._request

    def get_request_property(self, key):
        return self._lower.get(key.lower())

    def report_status(self, code, reason_phrase=None):
        self._status = code
        self._phrase = reason_phrase

    def get_response_status_code(self):
        return self._status

    def get_response_status_phrase(self):
        return self._phrase

    def add_response_property(self, key, value):
        self._response[key] = value

    def get_response_headers(self):
        return self._response

    get_response_header = get_response_headers


class Metrics(object):
    """Takes what services report; the server's own numbers are at /metrics."""

    def _ignore(self, *_arguments, **_named):
        pass

    add_counter = add_time = add_size = add_percent = add_error = add_metric = _ignore


class Context(object):
    """One for a worker; the request's part of it changes with each request."""

    def __init__(self, model_dir):
        self.model_name = "model"
        self.manifest = None
        self.metrics = Metrics()
        self.system_properties = {
            "model_dir": model_dir,
            # Each worker sees one device, which it knows as the first.
            "gpu_id": 0 if os.environ.get("CUDA_VISIBLE_DEVICES") else None,
            "batch_size": 1,
            "server_name": "berth",
            "server_version": "1",
        }
        self.request_ids = None
        self.request_processor = None

    def begin(self, headers, request_id):
        processor = RequestProcessor(headers)
        self.request_processor = [processor]
        given = processor.get_request_property("X-Amzn-SageMaker-Inference-Id")
        self.request_ids = {0: given or request_id}

    def get_request_id(self, idx=0):
        return self.request_ids.get(idx)

    def get_request_header(self, idx, key):
        return self.request_processor[idx].get_request_property(key)

    def get_all_request_header(self, idx):
        return self.request_processor[idx].get_request_properties()

    def set_response_content_type(self, idx, value):
        self.set_response_header(idx, "content-type", value)

    def get_response_content_type(self, idx):
        return self.get_response_headers(idx).get("content-type")

    def set_response_header(self, idx, key, value):
        self.request_processor[idx].add_response_property(key, value)

    def get_response_headers(self, idx):
        return self.request_processor[idx].get_response_headers()

    def set_response_status(self, code=200, phrase="", idx=0):
        # While the service is loaded there is no request.
        if self.request_processor is not None:
            self.request_processor[idx].report_status(code, phrase)

    def set_all_response_status(self, code=200, phrase=""):
        self.set_response_status(code, phrase)

    def get_response_status(self, idx):
        processor = self.request_processor[idx]
        return processor.get_response_status_code(), processor.get_response_status_phrase()

    set_http_response_status = set_response_status
    get_http_response_status = get_response_status


def application():
    """The service that SAGEMAKER_HANDLER names, loaded. Raises what loading raises, and ValueError
    where the module holds no service or several: `serve` tells it and ends."""
    # Behind the code's folder and the image's: a handler may lie beside the model.
    sys.path.append(environment.model_dir)
    context = Context(environment.model_dir)
    handle = _load(os.environ["SAGEMAKER_HANDLER"], context)
    return lambda environ, start_response: _answer(handle, context, environ, start_response)


def _load(name, context):
    path, _, function_name = name.partition(":")
    folder, module_name = os.path.split(path)
    if folder:
        sys.path.insert(0, folder)
    if module_name.endswith(".py"):
        module_name = module_name[:-3]
    module = importlib.import_module(module_name)
    handle = getattr(module, function_name or "handle", None)
    if handle is not None:
        handle(None, context)  # this is how such a service is told to load the model
        return handle
    if function_name:
        raise ValueError("%r has no function %r" % (module_name, function_name))
    classes = [
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if each.__module__ == module.__name__
    ]
    if len(classes) != 1:
        raise ValueError(
            "%r should have one class with `handle`, or a function handle(data, context); it has"
            " the classes %s"
            % (module_name, ", ".join(each.__name__ for each in classes) or "none")
        )
    service = classes[0]()
    initialize = getattr(service, "initialize", None)
    if initialize is not None:
        initialize(context)
    return service.handle


def _answer(handle, context, environ, start_response):
    if environ["PATH_INFO"] != "/invocations":
        return _refuse(start_response, "404 Not Found", "there is only /invocations")
    if environ["REQUEST_METHOD"] != "POST":
        return _refuse(start_response, "405 Method Not Allowed", "/invocations takes POST")
    context.begin(_headers(environ), environ["berth.request_id"])
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    results = handle([{"body": body}], context)
    if not isinstance(results, list) or len(results) != 1:
        raise TypeError("a service returns a list with one result for each request")
    result = results[0]
    if not isinstance(result, (str, bytes, bytearray, memoryview)):
        result = json.dumps(result, indent=2)
    if isinstance(result, str):
        result = result.encode("utf-8")
    status, phrase = context.get_response_status(0)
    headers = [(str(name), str(value)) for name, value in context.get_response_headers(0).items()]
    start_response("%d %s" % (status or 200, phrase or ""), headers)
    return [result]


def _headers(environ):
    headers = {}
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            name = name[5:]
        elif name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            continue
        headers["-".join(part.capitalize() for part in name.split("_"))] = value
    return headers


def _refuse(start_response, status, text):
    body = json.dumps({"error": status[4:].replace(" ", ""), "error-message": text}).encode()
    start_response(status, [("Content-Type", "application/json")])
    return [body]
