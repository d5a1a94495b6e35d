"""The body says what output_fn returns."""

import json

from making import check, made


def model_fn(model_dir):
    return None


def input_fn(data, content_type):
    return json.loads(data)


def predict_fn(data, model):
    return data


def output_fn(prediction, accept):
    check(prediction, "output_fn")
    return accept if prediction["make"] == ["accept"] else made(prediction["make"])
