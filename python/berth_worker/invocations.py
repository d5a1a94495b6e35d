"""One request with the user's functions: decode, predict, encode, answer."""

from time import monotonic_ns

from . import codecs, content_types, errors, layout
from .codecs import np
from .output import LEVELS

_BYTES_LIKE = (bytes, bytearray, memoryview)


class Invocations:
    """run(slot) is what the channel calls."""

    def __init__(self, arena, channel, output, functions, model, context, config):
        self._arena = arena
        self._memory = arena.memory
        self._channel = channel
        self._output = output
        self._running = output.running
        self._functions = functions
        self._model = model
        self._context = context if functions.with_context else None
        self._native = bool(config.get("native", True)) and np is not None
        self._allow_pickle = bool(config.get("allow_pickle"))
        self._traces = bool(config.get("traceback_in_errors"))
        default = config.get("default_accept") or content_types.JSON
        self._types = content_types.Known(content_types.ContentType)
        self._accepts = content_types.Known(lambda value: _accept(value, default))
        self._blobs = {}
        self._input_fn = functions.input_fn or self._decode
        self._array = np and np.ndarray
        self._scalar = np.generic if np else ()
        # In a child that a handler forked: no answer is the child's to give.
        self.is_child = False

    def run(self, slot):
        begun = monotonic_ns()
        base = self._arena.places[slot][0]
        request = layout.REQUEST.unpack_from(self._memory, base)
        if request[1] or begun >= request[4]:
            self._arena.drop(slot, begun)
            return
        self._running.base = base
        decoded, predicted, watch = self._answer(slot, base, request)
        self._output.end_request()
        # No frame that had the data is left: what watch still sees, the handler kept.
        self._arena.finish(slot, base, begun, decoded, predicted, monotonic_ns(), watch)

    def _answer(self, slot, base, request):
        kind, _, offset, length, deadline, headers_length, dtype, dimensions, fortran, _ = request
        decoded = predicted = 0
        watch = None
        stage = errors.DECODE
        try:
            start = base + layout.HEADER_BLOB
            _, _, content_type, accept, blob = self._memory[start : start + headers_length].split(
                b"\0", 4
            )
            content_type = self._types[content_type]
            accept = self._accepts[accept]
            context = self._context
            if context is not None:
                context.begin(base, blob, deadline)

            if kind == layout.REQUEST_TENSOR:
                data, watch = self._arena.tensor(base, offset, length, dtype, dimensions, fortran)
            else:
                start = base + offset
                data = self._memory[start : start + length]
                if content_type.is_text:
                    data = data.decode()

            functions = self._functions
            if functions.transform_fn is not None:
                result = functions.transform_fn(
                    self._model, data, content_type.value, accept.value
                )
                predicted = monotonic_ns()
                stage = errors.ENCODE
                self._respond(slot, result, accept)
                return decoded, predicted, watch

            if kind != layout.REQUEST_TENSOR:
                data = self._input_fn(data, content_type.value)
            decoded = monotonic_ns()
            stage = errors.PREDICT
            result = functions.predict_fn(data, self._model)
            predicted = monotonic_ns()
            stage = errors.ENCODE
            if functions.output_fn is None:
                self._encode(slot, result, accept)
            else:
                self._respond(slot, functions.output_fn(result, accept.value), accept)
        except BaseException as error:  # pylint: disable=broad-except
            self._fail(slot, error, stage)
        return decoded, predicted, watch

    def _decode(self, data, content_type):
        return codecs.decode(data, content_type, self._allow_pickle)

    def _encode(self, slot, result, accept):
        """The default output_fn."""
        encoding = accept.encoding
        if not encoding:
            raise codecs.unsupported_accept(accept.value)
        if (
            type(result) is self._array
            and encoding <= layout.NPY
            and self._native
            and self._context is None
        ):
            # The usual case, without a detour.
            if self.is_child:
                end_child(self._output)
            if self._arena.respond_tensor(slot, 200, accept.headers, result, encoding):
                return
        self._encode_as(slot, result, encoding, accept.chosen)

    def _encode_as(self, slot, result, encoding, content_type):
        status, headers = self._headers(content_type)
        if self._native and encoding <= layout.NPY:
            array = result
            if type(array) is not self._array and isinstance(array, self._scalar):
                array = np.asarray(array)
            if type(array) is self._array:
                self._check_child()
                if self._arena.respond_tensor(slot, status, headers, array, encoding):
                    return
        body = codecs.encode(result, encoding)
        self._send(slot, status, headers, body)

    def _respond(self, slot, result, accept):
        """What output_fn or transform_fn returned: a value, or (value, content type)."""
        content_type = None
        if isinstance(result, tuple):
            if len(result) < 2:
                raise TypeError("a tuple that is returned is (value, content type)")
            result, content_type = result[0], result[1]
        if content_type is None and self._context is not None:
            content_type = self._context.get_response_content_type(0)
        if content_type is None:
            content_type = accept.plain
        elif not isinstance(content_type, str):
            raise TypeError(
                "a content type that is returned is text, not %s" % type(content_type).__name__
            )
        if not isinstance(result, (str,) + _BYTES_LIKE):
            encoding = content_types.ENCODINGS.get(content_types.media_type(content_type))
            if encoding is None:
                encoding, content_type = layout.JSON, content_types.JSON
            self._encode_as(slot, result, encoding, content_type)
            return
        status, headers = self._headers(content_type)
        self._send(slot, status, headers, result)

    def _headers(self, content_type):
        """The status, and the blob of the answer's headers."""
        context = self._context
        if context is None or not context.request_processor[0].changed:
            blob = self._blobs.get(content_type)
            if blob is None:
                blob = header_blob([("Content-Type", content_type)])
                if len(self._blobs) < 64:
                    self._blobs[content_type] = blob
            return 200, blob
        processor = context.request_processor[0]
        pairs = [("Content-Type", content_type)]
        pairs += [
            pair for pair in processor.headers.items() if pair[0].lower() != "content-type"
        ]
        return processor.status, header_blob(pairs)

    def _send(self, slot, status, headers, body):
        self._check_child()
        self._arena.respond(slot, status, headers, to_bytes(body), self._channel.send_file)

    def _fail(self, slot, error, stage):
        leave_if_asked(error, self._output, self.is_child)
        trace = errors.trace_of(error)
        status, message = errors.status_of(error, stage)
        if isinstance(error, errors.OURS):
            # The caller's mistake, told by us: where it was raised says nothing.
            self._output.err.put(errors.one_line(error), LEVELS["W"])
        else:
            self._output.traceback(trace)
        shown = trace if self._traces else None
        body = errors.body(type(error).__name__, message, shown)
        self._send(slot, status, ERROR_HEADERS, body)

    def _check_child(self):
        if self.is_child:
            end_child(self._output)


def _accept(value, default):
    accept = content_types.Accept(value, default)
    accept.headers = header_blob([("Content-Type", accept.chosen or accept.plain)])
    return accept


def header_blob(pairs):
    """name, value, name, value, each ended by NUL."""
    words = []
    for name, value in pairs:
        for word in (name, value):
            if not isinstance(word, str):
                raise TypeError("a header of the answer is no text: %r: %r" % (name, value))
            if "\0" in word:
                raise ValueError("a header of the answer holds a NUL: %r: %r" % (name, value))
            try:
                words.append(word.encode("latin-1"))
            except UnicodeEncodeError:
                words.append(word.encode("utf-8", "backslashreplace"))
    words.append(b"")
    return b"\0".join(words)


ERROR_HEADERS = header_blob([("Content-Type", content_types.JSON)])


def to_bytes(body):
    """Something that has a length in bytes and can be copied from."""
    if isinstance(body, str):
        return body.encode("utf-8")
    if isinstance(body, memoryview) and (body.itemsize != 1 or body.ndim != 1):
        return body.tobytes()
    return body


def end_child(output):
    """In a process that the handler forked, and that did not end itself."""
    output.leave("a process that the handler forked came back from it: it ends here", 1)


def leave_if_asked(error, output, is_child):
    """sys.exit() in a handler ends the worker, as does a keyboard interrupt; or a child of it."""
    which = "a process that the handler forked" if is_child else "this worker"
    if isinstance(error, SystemExit):
        code = error.code
        status = 0 if code is None else code & 0xFF if isinstance(code, int) else 1
        output.leave("the handler called sys.exit(%r): %s ends" % (code, which), status)
    if isinstance(error, KeyboardInterrupt):
        output.leave("interrupted: %s ends" % which, 130)
