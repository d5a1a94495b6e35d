"""What the environment of a serving container says."""

from __future__ import annotations

import os

from sagemaker_containers import _content_types, _env, _params

_TRUE = ("y", "yes", "t", "true", "on", "1")
_FALSE = ("n", "no", "f", "false", "off", "0")


class ServingEnv(_env._Env):
    """The variables of the container as they were when this was made: a read-only mapping of its
    properties.

    Numbers that are none, and a switch that is neither on nor off, raise ValueError when it is
    made. Berth's server reads the same variables, and is stricter (docs/serving.md).
    """

    def __init__(self):
        super(ServingEnv, self).__init__()
        get = os.environ.get
        self._use_nginx = _is_on(get(_params.USE_NGINX_ENV, "true"))
        self._model_server_timeout = int(get(_params.MODEL_SERVER_TIMEOUT_ENV, "60"))
        self._model_server_workers = int(get(_params.MODEL_SERVER_WORKERS_ENV, self.num_cpus))
        self._framework_module = get(_params.FRAMEWORK_SERVING_MODULE_ENV)
        self._default_accept = get(_params.DEFAULT_INVOCATIONS_ACCEPT_ENV, _content_types.JSON)
        self._http_port = get(_params.SAGEMAKER_BIND_TO_PORT_ENV, "8080")
        self._safe_port_range = get(_params.SAGEMAKER_SAFE_PORT_RANGE_ENV)

    @property
    def use_nginx(self):
        """bool: SAGEMAKER_USE_NGINX; there is no nginx either way."""
        return self._use_nginx

    @property
    def model_server_timeout(self):
        """int: SAGEMAKER_MODEL_SERVER_TIMEOUT in seconds, 60."""
        return self._model_server_timeout

    @property
    def model_server_workers(self):
        """int: SAGEMAKER_MODEL_SERVER_WORKERS, the number of CPUs."""
        return self._model_server_workers

    @property
    def framework_module(self):
        """str or None: SAGEMAKER_SERVING_MODULE, "module:application"."""
        return self._framework_module

    @property
    def default_accept(self):
        """str: SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT, application/json."""
        return self._default_accept

    @property
    def http_port(self):
        """str: SAGEMAKER_BIND_TO_PORT, "8080"."""
        return self._http_port

    @property
    def safe_port_range(self):
        """str or None: SAGEMAKER_SAFE_PORT_RANGE, "first-last"."""
        return self._safe_port_range


def _is_on(text):
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("invalid truth value %r" % text.lower())
