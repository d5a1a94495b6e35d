"""The body says what predict_fn returns; default encode."""

import json

from making import check, made


def model_fn(model_dir):
    return None


def input_fn(data, content_type):
    spec = json.loads(data)
    check(spec, "input_fn")
    return spec


def predict_fn(data, model):
    check(data, "predict_fn")
    return made(data["make"])
