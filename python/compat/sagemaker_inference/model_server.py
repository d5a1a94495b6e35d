"""Starts the model server, which is Berth's.

There is no multi-model-server and no JVM; the names of its files and settings are here for code
that imports them.
"""

from __future__ import annotations

import os

from sagemaker_inference import environment, logging
from sagemaker_inference.environment import code_dir

logging.configure_logger()
logger = logging.get_logger()

_HERE = os.path.dirname(os.path.abspath(__file__))

MMS_CONFIG_FILE = os.path.join("/etc", "sagemaker-mms.properties")
DEFAULT_HANDLER_SERVICE = "sagemaker_inference.default_handler_service"
DEFAULT_MMS_CONFIG_FILE = os.path.join(_HERE, "etc", "default-mms.properties")
MME_MMS_CONFIG_FILE = os.path.join(_HERE, "etc", "mme-mms.properties")
DEFAULT_MMS_LOG_FILE = os.path.join(_HERE, "etc", "log4j2.xml")
DEFAULT_MMS_MODEL_EXPORT_DIRECTORY = os.path.join(os.getcwd(), ".sagemaker/mms/models")
DEFAULT_MMS_MODEL_NAME = "model"

ENABLE_MULTI_MODEL = os.getenv("SAGEMAKER_MULTI_MODEL", "false") == "true"
MODEL_STORE = "/"

PYTHON_PATH_ENV = "PYTHONPATH"
REQUIREMENTS_PATH = os.path.join(code_dir, "requirements.txt")
MMS_NAMESPACE = "com.amazonaws.ml.mms.ModelServer"


def start_model_server(handler_service=DEFAULT_HANDLER_SERVICE):
    """Serves the model of this container until the server is asked to end.

    `handler_service`: a module with a function handle(data, context), or with one class that has
    `handle` and `initialize`, as multi-model-server takes it. The default one is Berth's own server
    with the functions of the user's module (docs/serving.md).

    Raises RuntimeError where the server ends with an error: it has said which; NotImplementedError
    for SAGEMAKER_MULTI_MODEL.
    """
    if ENABLE_MULTI_MODEL:
        raise NotImplementedError(
            "SAGEMAKER_MULTI_MODEL=true: Berth's server serves one model; unset the variable, or"
            " keep multi-model-server and the original package"
        )
    from berth_compat import server

    variables = dict(os.environ)
    # An image may name there what has called this function.
    variables.pop("SAGEMAKER_SERVING_MODULE", None)
    if handler_service != DEFAULT_HANDLER_SERVICE:
        variables["SAGEMAKER_HANDLER"] = handler_service
        variables["SAGEMAKER_SERVING_MODULE"] = "sagemaker_inference._service:application()"
    logger.info(
        "starting Berth's server for %s, model in %s", handler_service, environment.model_dir
    )
    server.run(variables)
