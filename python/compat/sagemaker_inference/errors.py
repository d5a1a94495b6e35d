"""Exceptions of a serving container."""

from __future__ import annotations

from berth_compat import texts


class UnsupportedFormatError(Exception):
    """There is no default decoder, or encoder, for a content type."""

    def __init__(self, content_type, **kwargs):
        self._message = texts.UNSUPPORTED_FORMAT % content_type
        super(UnsupportedFormatError, self).__init__(self._message, **kwargs)


class BaseInferenceToolkitError(Exception):
    """Raised by a handler, or made from its exception: it says what the client gets."""

    def __init__(self, status_code, message, phrase):
        """`status_code`: of the answer; `message`: for its body; `phrase`: the status's reason."""
        self.status_code = status_code
        self.message = message
        self.phrase = phrase
        super(BaseInferenceToolkitError, self).__init__(status_code, message, phrase)


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    """Any other exception of a handler."""

    def __init__(self, status_code, message=None, phrase=None):
        message = message or "Invalid Request"
        super(GenericInferenceToolkitError, self).__init__(
            status_code, message, phrase or message
        )
