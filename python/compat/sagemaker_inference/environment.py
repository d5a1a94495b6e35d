"""What the environment of a serving container says."""

from __future__ import annotations

import os

from sagemaker_inference import content_types, logging, parameters

logger = logging.get_logger()

DEFAULT_MODULE_NAME = "inference.py"
DEFAULT_MODEL_SERVER_TIMEOUT = "60"
DEFAULT_STARTUP_TIMEOUT = "600"  # seconds
DEFAULT_HTTP_PORT = "8080"
DEFAULT_VMARGS = "-XX:-UseContainerSupport"
DEFAULT_MAX_REQUEST_SIZE = None

SAGEMAKER_BASE_PATH = os.path.join("/opt", "ml")

# As the variables are when this is imported.
base_dir = os.environ.get(parameters.BASE_PATH_ENV, SAGEMAKER_BASE_PATH)
model_dir = os.path.join(
    base_dir, "models" if os.environ.get(parameters.MULTI_MODEL_ENV) == "true" else "model"
)
code_dir = os.path.join(model_dir, "code")


class Environment(object):
    """The variables of the container as they were when this was made; read-only.

    Numbers that are none raise ValueError, when this is made. Berth's server reads the same
    variables, and is stricter (docs/serving.md).
    """

    def __init__(self):
        get = os.environ.get
        self._module_name = get(parameters.USER_PROGRAM_ENV, DEFAULT_MODULE_NAME)
        self._model_server_timeout = int(
            get(parameters.MODEL_SERVER_TIMEOUT_ENV, DEFAULT_MODEL_SERVER_TIMEOUT)
        )
        seconds = get(parameters.MODEL_SERVER_TIMEOUT_SECONDS_ENV)
        self._model_server_timeout_seconds = None if seconds is None else int(seconds)
        self._model_server_workers = get(parameters.MODEL_SERVER_WORKERS_ENV)
        self._startup_timeout = int(get(parameters.STARTUP_TIMEOUT_ENV, DEFAULT_STARTUP_TIMEOUT))
        self._default_accept = get(parameters.DEFAULT_INVOCATIONS_ACCEPT_ENV, content_types.JSON)
        self._http_port = get(parameters.BIND_TO_PORT_ENV, DEFAULT_HTTP_PORT)
        self._safe_port_range = get(parameters.SAFE_PORT_RANGE_ENV)
        self._vmargs = get(parameters.MODEL_SERVER_VMARGS, DEFAULT_VMARGS)
        self._max_request_size_in_mb = get(parameters.MAX_REQUEST_SIZE, DEFAULT_MAX_REQUEST_SIZE)

    @property
    def module_name(self):
        """str: the handler's module: SAGEMAKER_PROGRAM without .py."""
        name = self._module_name
        return name[:-3] if name.endswith(".py") else name

    @property
    def model_server_timeout(self):
        """int: SAGEMAKER_MODEL_SERVER_TIMEOUT, 60."""
        return self._model_server_timeout

    @property
    def model_server_timeout_seconds(self):
        """int or None: SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS."""
        return self._model_server_timeout_seconds

    @property
    def model_server_workers(self):
        """str or None: SAGEMAKER_MODEL_SERVER_WORKERS, as it stands there."""
        return self._model_server_workers

    @property
    def startup_timeout(self):
        """int: SAGEMAKER_STARTUP_TIMEOUT in seconds, 600."""
        return self._startup_timeout

    @property
    def default_accept(self):
        """str: SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT, application/json."""
        return self._default_accept

    @property
    def inference_http_port(self):
        """str: SAGEMAKER_BIND_TO_PORT, "8080"."""
        return self._http_port

    @property
    def management_http_port(self):
        """str: the same."""
        return self._http_port

    @property
    def safe_port_range(self):
        """str or None: SAGEMAKER_SAFE_PORT_RANGE, "first-last"."""
        return self._safe_port_range

    @property
    def vmargs(self):
        """str: SAGEMAKER_MODEL_SERVER_VMARGS; there is no JVM that would take them."""
        return self._vmargs

    @property
    def max_request_size(self):
        """int or None: SAGEMAKER_MAX_PAYLOAD_IN_MB, in bytes."""
        megabytes = self._max_request_size_in_mb
        return None if megabytes is None else int(megabytes) * 1024 * 1024
