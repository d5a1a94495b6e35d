"""Runs in a reference's own interpreter: the handlers of a folder behind the reference's server code,
each case of a file answered. PACKAGE HANDLERS CASES ANSWERS; JSON lines, bodies in base64."""

import base64
import json
import os
import pathlib
import sys
import traceback
import warnings

PACKAGE, HANDLERS, CASES, ANSWERS = sys.argv[1:]


def answer(status, content_type, body, **more):
    return {"status": status, "type": content_type, "body": base64.b64encode(body).decode(), **more}


def failure(error, **more):
    """A result that cannot be sent: the reference's backend ends."""
    text = str(error)
    return answer(500, None, b"", error=type(error).__name__, message=text, text=text, **more)


class Processor:
    """The request's headers, and what is set for the answer, as multi-model-server has them."""

    def __init__(self, headers):
        self.headers = headers
        self.status = 200
        self.response = {}

    def get_request_properties(self):
        return self.headers

    def get_request_property(self, key):
        return self.headers.get(key)


class Context:
    def __init__(self):
        self.system_properties = {"model_dir": "/model"}
        self.request_processor = [Processor({})]

    def get_request_header(self, idx, key):
        return self.request_processor[idx].get_request_property(key)

    def set_response_content_type(self, idx, value):
        self.set_response_header(idx, "content-type", value)

    def set_response_header(self, idx, key, value):
        self.request_processor[idx].response[key] = value

    def set_response_status(self, code=200, phrase="", idx=0):
        self.request_processor[idx].status = code


class Inference:
    """sagemaker-inference, and what multi-model-server does with its results."""

    def __init__(self):
        from sagemaker_inference import encoder
        from sagemaker_inference.transformer import Transformer

        self.encoder = encoder
        self.transformer_class = Transformer
        self.raised = None

        # Whether the functions named a type, which the answer alone does not tell.
        run = Transformer._run_handler_function

        def remembered(transformer, function, *arguments):
            self.result = run(transformer, function, *arguments)
            return self.result

        Transformer._run_handler_function = remembered

        def handle_error(context, error, trace):
            self.raised = sys.exc_info()[1]
            context.set_response_status(code=error.status_code)
            return [(error.message, trace)]

        Transformer.handle_error = staticmethod(handle_error)
        self.loaded = {}

    def transformer(self, module):
        if module not in self.loaded:
            os.environ["SAGEMAKER_PROGRAM"] = module + ".py"
            context = Context()
            transformer = self.transformer_class()
            transformer.validate_and_initialize(model_dir="/model", context=context)
            self.loaded[module] = transformer, context
        return self.loaded[module]

    def answer(self, module, headers, body):
        transformer, context = self.transformer(module)
        self.result = None
        processor = Processor(headers)
        context.request_processor = [processor]
        self.raised = None
        (result,) = transformer.transform([{"body": body}], context)
        if self.raised is not None:
            message, trace = result
            encoding = "default_output_fn" in trace
            return answer(
                processor.status, None, b"", error=type(self.raised).__name__, message=message, encoding=encoding,
                text=str(self.raised), has_status=getattr(self.raised, "status_code", None),
            )  # fmt: skip
        content_type = processor.response["content-type"]
        given = isinstance(self.result, tuple)
        more = {"made": processor.response.get("X-Made"), "given": given, "result_type": content_type}
        if isinstance(result, (bytes, bytearray)):
            return answer(processor.status, content_type, bytes(result), **more)
        if isinstance(result, str):
            try:
                return answer(processor.status, content_type, result.encode(), **more)
            except UnicodeEncodeError as e:
                return failure(e, **more)
        # No text: berth has an encoder for some types.
        encoded = {known: self.encode(result, known) for known in self.encoder.SUPPORTED_CONTENT_TYPES}
        more.update(encoded=encoded, encoded_status=processor.status, encoded_type=content_type)
        try:
            return answer(processor.status, content_type, json.dumps(result).encode(), **more)
        except Exception as e:
            return failure(e, **more)

    def encode(self, result, content_type):
        try:
            encoded = self.encoder.encode(result, content_type)
            return answer(200, content_type, encoded if isinstance(encoded, bytes) else encoded.encode())
        except Exception as e:
            return failure(e)


class Containers:
    """sagemaker-containers, asked through Flask's own client."""

    def __init__(self):
        import collections
        import collections.abc

        collections.Mapping = collections.abc.Mapping  # as of the Python that it was written for
        from sagemaker_containers import _transformer, _worker

        self.transformer_class = _transformer.Transformer
        self.worker_class = _worker.Worker
        self.loaded = {}

    def client(self, module):
        if module not in self.loaded:
            functions = __import__(module)
            names = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")
            transformer = self.transformer_class(**{name: getattr(functions, name, None) for name in names})
            worker = self.worker_class(transformer.transform, transformer.initialize, module)
            self.loaded[module] = worker.test_client()
        return self.loaded[module]

    def answer(self, module, headers, body):
        response = self.client(module).post("/invocations", data=body, headers=headers)
        return answer(response.status_code, response.headers.get("Content-Type"), response.data)


def main():
    warnings.simplefilter("ignore")
    sys.path.insert(0, HANDLERS)
    reference = Inference() if PACKAGE == "sagemaker_inference" else Containers()
    with open(ANSWERS, "w") as answers:
        for line in pathlib.Path(CASES).read_text().splitlines():
            case = json.loads(line)
            try:
                told = reference.answer(case["module"], dict(case["headers"]), base64.b64decode(case["body"]))
            except Exception:
                told = answer(0, None, b"", error="driver", message=traceback.format_exc(), text="")
            answers.write(json.dumps(told, default=lambda value: [repr(value)]) + "\n")


main()
