"""Worker, Request and Response as Flask's."""

from __future__ import annotations

import threading
from http import HTTPStatus

import flask

from sagemaker_containers import (
    _content_types,
    _logging,
    _mapping,
    _worker,
    _worker_parts,
)


class Response(flask.Response):
    """Flask's, JSON where no type is given."""

    default_mimetype = _content_types.JSON

    def __init__(
        self,
        response=None,
        accept=None,
        status=HTTPStatus.OK,
        headers=None,
        mimetype=None,
        direct_passthrough=False,
    ):
        _worker_parts.warn_of_accept(accept)
        super(Response, self).__init__(
            response, status, headers, mimetype, None, direct_passthrough
        )


class Request(flask.Request, _mapping.MappingMixin):
    """Flask's, with what a Transformer asks for; a mapping of its properties."""

    default_mimetype = _content_types.JSON

    def __init__(self, environ=None, serving_env=None):
        """`environ`: WSGI's, by default of the request that the Worker is at; `serving_env`: where
        the default accepted type is from."""
        super(Request, self).__init__(environ=environ or flask.request.environ)
        self._default_accept = (serving_env or _worker.env).default_accept

    @property
    def content_type(self):
        """str: the header ContentType, else Content-Type, else JSON."""
        return _worker_parts.content_type_of(self.headers)

    @property
    def accept(self):
        """str: the header Accept; the container's default where there is none, or it is */*."""
        return _worker_parts.accept_of(self.headers, self._default_accept)

    @property
    def content(self):
        """str for JSON and CSV, else bytes: the body."""
        return self.get_data(as_text=self.content_type in _content_types.UTF8_TYPES)


class Worker(flask.Flask):
    """A Flask application with /invocations, /ping and, if it is given a function for them,
    /execution-parameters. The functions are views of Flask's: they take no argument."""

    def __init__(
        self,
        transform_fn,
        initialize_fn=None,
        module_name=None,
        healthcheck_fn=None,
        execution_parameters_fn=None,
    ):
        """`initialize_fn`: called before the first request; again before the next where it raised.
        `module_name`: Flask's import name, by default the user's module."""
        super(Worker, self).__init__(
            module_name or _worker.env.module_name or "sagemaker_containers"
        )
        # Now, not at import: a framework may have configured logging meanwhile.
        _logging.configure_logger(_worker.env.log_level)
        self._initialize_fn = initialize_fn
        self._initializing = threading.Lock()
        # before_first_request() is gone since Flask 2.3.
        self.before_request(self._initialize)
        self.add_url_rule("/invocations", "invocations", transform_fn, methods=["POST"])
        self.add_url_rule("/ping", "ping", healthcheck_fn or _worker.default_healthcheck_fn)
        if execution_parameters_fn:
            self.add_url_rule(
                "/execution-parameters",
                "execution-parameters",
                execution_parameters_fn,
                methods=["GET"],
            )
        self.request_class = Request

    def _initialize(self):
        if self._initialize_fn is None:
            return
        with self._initializing:
            if self._initialize_fn is not None:
                self._initialize_fn()
                self._initialize_fn = None
