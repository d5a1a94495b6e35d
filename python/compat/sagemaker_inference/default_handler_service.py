"""A transformer in the form in which multi-model-server takes a service."""

from __future__ import annotations

import os

from sagemaker_inference.transformer import Transformer

PYTHON_PATH_ENV = "PYTHONPATH"


class DefaultHandlerService(object):
    """initialize() is called once, handle() for each batch; frameworks derive from it."""

    def __init__(self, transformer=None):
        self._service = transformer if transformer else Transformer()

    def handle(self, data, context):
        """The answers to the requests in `data`: Transformer.transform()."""
        return self._service.transform(data, context)

    def initialize(self, context):
        """Loads the user's module and the model. The module may be in `code` of the model's folder:
        that is put before PYTHONPATH."""
        model_dir = context.system_properties.get("model_dir")
        os.environ[PYTHON_PATH_ENV] = "{}/code:{}".format(
            model_dir, os.environ.get(PYTHON_PATH_ENV, "")
        )
        self._service.validate_and_initialize(model_dir=model_dir, context=context)
