"""transformed, with the context."""

import json

from making import check, made


def model_fn(model_dir, context):
    return None


def transform_fn(model, data, content_type, accept, context):
    spec = json.loads(data)
    check(spec, "transform_fn")
    if spec["status"]:
        context.set_response_status(code=spec["status"], phrase="so be it")
    return accept if spec["make"] == ["accept"] else made(spec["make"])
