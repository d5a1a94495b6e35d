"""The body says what output_fn returns, and what the context gets."""

import json

from making import check, made


def model_fn(model_dir):
    return None


def input_fn(data, content_type, context):
    return json.loads(data)


def predict_fn(data, model):
    return data


def output_fn(prediction, accept, context):
    check(prediction, "output_fn")
    if prediction["status"]:
        context.set_response_status(code=prediction["status"], phrase="so be it")
    if prediction["type"]:
        context.set_response_content_type(0, prediction["type"])
    context.set_response_header(0, "X-Made", "yes")
    return accept if prediction["make"] == ["accept"] else made(prediction["make"])
