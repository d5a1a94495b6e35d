"""identity, with the context everywhere."""


def model_fn(model_dir, context):
    return None


def predict_fn(data, model, context):
    assert context.get_request_header(0, "X-Case") == "7"
    return data
