"""The way of a request through the functions of a handler."""

from __future__ import annotations

from sagemaker_inference import content_types, environment, utils
from sagemaker_inference.default_inference_handler import DefaultInferenceHandler
from sagemaker_inference.errors import BaseInferenceToolkitError, GenericInferenceToolkitError


class Transformer(object):
    """Calls the functions of the module that SAGEMAKER_PROGRAM names, and of a default handler for
    those that are not there. Each may take the request's context as one argument more."""

    def __init__(self, default_inference_handler=None):
        """`default_inference_handler`: the functions that are used where the user's module has
        none; a DefaultInferenceHandler where it is not given."""
        self._default_inference_handler = default_inference_handler or DefaultInferenceHandler()
        self._initialized = False
        self._environment = None
        self._model = None
        self._context = None
        self._pre_model_fn = None
        self._model_warmup_fn = None
        self._model_fn = None
        self._transform_fn = None
        self._input_fn = None
        self._predict_fn = None
        self._output_fn = None

    @staticmethod
    def handle_error(context, inference_exception, trace):
        """Sets the status of the answer; returns its body, which is the exception's message and
        the traceback."""
        context.set_response_status(
            code=inference_exception.status_code,
            phrase=utils.remove_crlf(inference_exception.phrase),
        )
        return ["{}\n{}".format(inference_exception.message, trace)]

    def transform(self, data, context):
        """Answers a batch.

        `data`: for each request a mapping with its "body"; `context`: multi-model-server's, or one
        like it. Returns a list with a result for each; where one fails, a list with one text, and
        the context has the status: no exception leaves this.
        """
        try:
            model_dir = context.system_properties.get("model_dir")
            self.validate_and_initialize(model_dir=model_dir, context=context)
            return [self._answer(request.get("body"), context) for request in data]
        except Exception as error:  # pylint: disable=broad-except
            import traceback
            from http import HTTPStatus

            trace = traceback.format_exc()
            if not isinstance(error, BaseInferenceToolkitError):
                status = HTTPStatus.INTERNAL_SERVER_ERROR
                error = GenericInferenceToolkitError(status, str(error))
            return self.handle_error(context, error, trace)

    def validate_and_initialize(self, model_dir=environment.model_dir, context=None):
        """Finds the functions and loads the model, the first time. Raises ValueError for functions
        that exclude each other, and whatever they raise."""
        if self._initialized:
            return
        self._context = context
        self._environment = environment.Environment()
        self._validate_user_module_and_set_functions()
        if self._pre_model_fn is not None:
            self._run_handler_function(self._pre_model_fn, model_dir)
        self._model = self._run_handler_function(self._model_fn, model_dir)
        if self._model_warmup_fn is not None:
            self._run_handler_function(self._model_warmup_fn, model_dir, self._model)
        self._initialized = True

    def _answer(self, input_data, context):
        # All requests of a batch have the headers of its first, as in the original.
        headers = context.request_processor[0].get_request_properties()
        content_type = utils.retrieve_content_type_header(headers)
        accept = headers.get("Accept") or headers.get("accept")
        if not accept or accept == content_types.ANY:
            accept = self._environment.default_accept
        if content_type in content_types.UTF8_TYPES:
            input_data = input_data.decode("utf-8")
        result = self._run_handler_function(
            self._transform_fn, self._model, input_data, content_type, accept
        )
        if isinstance(result, tuple):
            result, accept = result[0], result[1]
        context.set_response_content_type(0, accept)
        return result

    def _validate_user_module_and_set_functions(self):
        import importlib
        from importlib.util import find_spec

        defaults = self._default_inference_handler
        module_name = self._environment.module_name
        module = importlib.import_module(module_name) if find_spec(module_name) else None

        def given(name, default=None):
            value = getattr(module, name, None)
            return default if value is None else value

        self._pre_model_fn = given("pre_model_fn", getattr(defaults, "default_pre_model_fn", None))
        self._model_warmup_fn = given(
            "model_warmup_fn", getattr(defaults, "default_model_warmup_fn", None)
        )
        self._model_fn = getattr(module, "model_fn", defaults.default_model_fn)
        self._input_fn = given("input_fn")
        self._predict_fn = given("predict_fn")
        self._output_fn = given("output_fn")
        self._transform_fn = given("transform_fn")
        if self._transform_fn and (self._input_fn or self._predict_fn or self._output_fn):
            raise ValueError(
                "Cannot use transform_fn implementation in conjunction with input_fn, predict_fn, "
                "and/or output_fn implementation"
            )
        self._transform_fn = self._transform_fn or self._default_transform_fn
        self._input_fn = self._input_fn or defaults.default_input_fn
        self._predict_fn = self._predict_fn or defaults.default_predict_fn
        self._output_fn = self._output_fn or defaults.default_output_fn

    def _default_transform_fn(self, model, input_data, content_type, accept, context=None):
        data = self._run_handler_function(self._input_fn, input_data, content_type)
        prediction = self._run_handler_function(self._predict_fn, data, model)
        return self._run_handler_function(self._output_fn, prediction, accept)

    def _run_handler_function(self, func, *argv):
        """Calls `func`, with the context behind `argv` where it has one parameter more. Raises
        TypeError where it has another number."""
        from inspect import signature

        count = len(signature(func).parameters)
        if count == len(argv):
            return func(*argv)
        if count == len(argv) + 1:
            return func(*argv, self._context)
        raise TypeError(
            "{} takes {} arguments but {} were given.".format(func.__name__, count, len(argv))
        )
