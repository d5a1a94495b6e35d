"""What an input_fn is called with."""


def model_fn(model_dir):
    return None


def input_fn(data, content_type):
    return {"type": type(data).__name__, "data": repr(data), "content_type": content_type}


def predict_fn(data, model):
    return data
