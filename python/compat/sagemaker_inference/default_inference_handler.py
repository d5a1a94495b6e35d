"""The functions that are used where a handler does not define them."""

from __future__ import annotations

from sagemaker_inference import decoder, encoder, errors, utils

_MISSING = (
    "\nPlease provide a {0} implementation.\n"
    "See documentation for {0} at https://sagemaker.readthedocs.io/en/stable/\n"
)


class DefaultInferenceHandler(object):
    """Frameworks derive from it; there may also be default_pre_model_fn(model_dir) and
    default_model_warmup_fn(model_dir, model)."""

    def default_model_fn(self, model_dir, context=None):
        """There is no model that could be loaded without being told how: NotImplementedError."""
        raise NotImplementedError(_MISSING.format("model_fn"))

    def default_input_fn(self, input_data, content_type, context=None):
        """decoder.decode(): raises UnsupportedFormatError for types that it does not know."""
        return decoder.decode(input_data, content_type)

    def default_predict_fn(self, data, model, context=None):
        """Nor is there a prediction: NotImplementedError."""
        raise NotImplementedError(_MISSING.format("predict_fn"))

    def default_output_fn(self, prediction, accept, context=None):
        """The prediction in the first type of `accept` that can be encoded, and that type. Raises
        UnsupportedFormatError where none can."""
        for content_type in utils.parse_accept(accept):
            if content_type in encoder.SUPPORTED_CONTENT_TYPES:
                return encoder.encode(prediction, content_type), content_type
        raise errors.UnsupportedFormatError(accept)
