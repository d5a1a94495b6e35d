"""The way of a request through a framework's functions, within a Worker."""

from __future__ import annotations

from sagemaker_containers import (
    _content_types,
    _encoders,
    _env,
    _errors,
    _functions,
    _worker,
)

_MISSING = (
    "\nPlease provide a {0} implementation.\n"
    "See documentation for {0} at https://github.com/aws/sagemaker-python-sdk\n"
)


def default_model_fn(model_dir):
    """There is no model that could be loaded without being told how: NotImplementedError."""
    raise NotImplementedError(_MISSING.format("model_fn"))


def default_input_fn(input_data, content_type):
    """encoders.decode(): raises UnsupportedFormatError for types that it does not know."""
    return _encoders.decode(input_data, content_type)


def default_predict_fn(data, model):
    """Nor is there a prediction: NotImplementedError."""
    raise NotImplementedError(_MISSING.format("predict_fn"))


def default_output_fn(prediction, accept):
    """A Response with the prediction, encoded as `accept`. Raises UnsupportedFormatError for types
    that cannot be encoded."""
    return _worker.Response(response=_encoders.encode(prediction, accept), mimetype=accept)


class Transformer(object):
    """A framework's functions, and the default ones for those that are not given. What one of the
    framework's raises becomes an `error_class`, so that it is known for the user's.

    Raises ValueError for a transform_fn beside functions that it replaces.
    """

    def __init__(
        self,
        model_fn=None,
        input_fn=None,
        predict_fn=None,
        output_fn=None,
        transform_fn=None,
        error_class=_errors.ClientError,
    ):
        if transform_fn and (input_fn or predict_fn or output_fn):
            raise ValueError(
                "Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn"
            )

        def wrapped(function, default):
            return _functions.error_wrapper(function, error_class) if function else default

        self._model = None
        self._error_class = error_class
        self._model_fn = wrapped(model_fn, default_model_fn)
        self._input_fn = wrapped(input_fn, default_input_fn)
        self._predict_fn = wrapped(predict_fn, default_predict_fn)
        self._output_fn = wrapped(output_fn, default_output_fn)
        self._transform_fn = wrapped(transform_fn, self._default_transform_fn)

    def initialize(self):
        """Loads the model: for Worker(initialize_fn=...), once in each worker."""
        self._model = self._model_fn(_env.model_dir)

    def transform(self):
        """Answers the request that the Worker is at: for Worker(transform_fn=...). Returns a
        Response, or what the framework's function returned; of a tuple (data, type) a Response."""
        request = _worker.Request()
        result = self._transform_fn(
            self._model, request.content, request.content_type, request.accept
        )
        if isinstance(result, tuple):
            return _worker.Response(response=result[0], mimetype=result[1])
        return result

    def _default_transform_fn(self, model, content, content_type, accept):
        try:
            data = self._input_fn(content, content_type)
        except _errors.UnsupportedFormatError as error:
            return self._error_response(error, 415)
        prediction = self._predict_fn(data, model)
        try:
            return self._output_fn(prediction, accept)
        except _errors.UnsupportedFormatError as error:
            return self._error_response(error, 406)

    def _error_response(self, error, status_code):
        import json
        import traceback

        body = json.dumps(
            {
                "error": error.__class__.__name__,
                "error-message": str(error),
                "stack-trace": traceback.format_exc(),
            }
        )
        return _worker.Response(response=body, status=status_code, mimetype=_content_types.JSON)
