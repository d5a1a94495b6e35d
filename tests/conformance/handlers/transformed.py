"""The body says what transform_fn returns."""

import json

from making import check, made


def model_fn(model_dir):
    return None


def transform_fn(model, data, content_type, accept):
    spec = json.loads(data)
    check(spec, "transform_fn")
    return accept if spec["make"] == ["accept"] else made(spec["make"])
