"""What a worker says when it has loaded, and when it cannot."""

import pytest

MODEL = "def model_fn(model_dir): return 1\n"
PREDICT = "def predict_fn(data, model): return data\n"


def failure(double):
    message = double.first
    assert double.ended() == 1
    return message


def test_loaded_names_what_the_server_may_decode(worker):
    assert worker(MODEL + PREDICT).first["native_decode"] == [
        "application/json", "text/csv", "application/x-npy", "application/jsonlines",
        "application/x-recordio-protobuf",
    ]  # fmt: skip
    own = MODEL + PREDICT + "def input_fn(data, content_type): return data\n"
    assert worker(own).first["native_decode"] == []
    whole = MODEL + "def transform_fn(model, data, content_type, accept): return data\n"
    assert worker(whole).first["native_decode"] == []
    assert worker(MODEL + PREDICT, native=False).first["native_decode"] == []


def test_a_missing_module_is_told_with_what_is_there(worker, tmp_path):
    (tmp_path / "0/model/code").mkdir(parents=True)
    (tmp_path / "0/model/code/infrence.py").write_text("")
    double = worker(None)
    code = tmp_path / "0/model/code"
    assert failure(double) == {
        "type": "failed",
        "stage": "handler",
        "error": "there is no model_fn(model_dir) and no predict_fn(data, model) (or transform_fn):"
        f" no module 'inference' was found; looked in '{code}' (holds 'infrence.py')",
        "traceback": "",
    }


def test_a_missing_function_is_told_with_its_file(worker):
    double = worker(PREDICT)
    file = double.code / "inference.py"
    assert failure(double)["error"] == f"there is no model_fn(model_dir): in {file}"
    double = worker(MODEL)
    file = double.code / "inference.py"
    assert failure(double)["error"] == (
        f"there is no predict_fn(data, model) (or transform_fn): in {file}"
    )


def test_transform_fn_excludes_the_three(worker):
    double = worker(
        MODEL + PREDICT + "def transform_fn(model, data, content_type, accept): return data\n"
    )
    message = failure(double)
    assert message["stage"] == "handler"
    assert message["error"] == (
        "transform_fn replaces input_fn, predict_fn and output_fn, but there is also predict_fn:"
        f" keep one or the other (in {double.code / 'inference.py'})"
    )


@pytest.mark.parametrize(
    "source, stage, error",
    [
        ("import no_such_module", "import", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def f(:", "import", "SyntaxError: invalid syntax (inference.py, line 1)"),
        ("import sys; sys.exit(3)", "import", "SystemExit: 3"),
        ("def model_fn(d): raise OSError('no weights')\n" + PREDICT, "model", "OSError: no weights"),
        (MODEL + PREDICT + "def pre_model_fn(d): 1 / 0", "model", "ZeroDivisionError: division by zero"),
        (MODEL + PREDICT + "def model_warmup_fn(d, m): 1 / 0", "warmup", "ZeroDivisionError: division by zero"),
    ],
)  # fmt: skip
def test_code_that_fails_is_told_with_its_traceback(worker, source, stage, error):
    double = worker(source)
    message = failure(double)
    assert (message["stage"], message["error"]) == (stage, error)
    assert "inference.py" in message["traceback"]
    assert "berth_worker" not in message["traceback"]
    # whole in the log
    assert message["traceback"] in double.text()


def test_the_model_is_loaded_in_order(worker):
    double = worker(
        """
        steps = []
        def pre_model_fn(model_dir): steps.append("pre " + model_dir)
        def model_fn(model_dir): steps.append("model " + model_dir); return "M"
        def model_warmup_fn(model_dir, model): steps.append("warmup " + model_dir + model)
        def predict_fn(data, model): return steps
        """
    )
    model = str(double.folder / "model")
    assert double.ask(b"0").json() == ["pre " + model, "model " + model, "warmup " + model + "M"]


def test_modules_beside_the_handler_are_found(worker, tmp_path):
    code = tmp_path / "0/model/code"
    code.mkdir(parents=True)
    # Names that the worker's own modules have.
    (code / "context.py").write_text("VALUE = 5")
    (code / "output.py").write_text("VALUE = 6")
    double = worker(
        """
        import sys, context, output
        def model_fn(model_dir): return [context.VALUE, output.VALUE, sys.argv]
        def predict_fn(data, model): return model + [[p for p in sys.path if "/fd/" in p]]
        """
    )
    assert double.ask(b"0").json() == [5, 6, ["serve"], []]


@pytest.mark.parametrize(
    "parameters, expected",
    [
        ("data, model", "None"),
        ("data, model, context", "CONTEXT"),
        ("data, model, context=None", "CONTEXT"),
        ("data, model, anything=None", "CONTEXT"),
        ("data, model, *, context", "CONTEXT"),
        ("data, model, *, context=None, more=1", "CONTEXT"),
        ("data, model, more=1, context=None", "CONTEXT"),
        ("data, model, more=1, even_more=1", "None"),
        ("data, model=None", "None"),
        ("data, *rest", "None"),
        ("data, model, *rest", "CONTEXT"),
        ("*everything", "None"),
        ("*everything, **named", "None"),
        ("data, model, *rest, **named", "None"),
    ],
)
def test_who_gets_the_context(worker, parameters, expected):
    double = worker(
        MODEL
        + f"""
def predict_fn({parameters}):
    given = locals()
    values = list(given.values())
    flat = [x for v in values for x in (v if isinstance(v, tuple) else (v,))]
    return "CONTEXT" if any(type(x).__name__ == "Context" for x in flat) else "None"
"""
    )
    assert double.ask(b"0").json() == expected


def test_partials_methods_and_callables_are_functions_too(worker):
    double = worker(
        """
        import functools
        class Predictor:
            def __call__(self, data, model, context): return [model, context.get_request_id()]
            def output(self, prediction, accept): return str(prediction)
        def load(where, model_dir): return where
        model_fn = functools.partial(load, "here")
        predict_fn = Predictor()
        output_fn = predict_fn.output
        """
    )
    assert double.ask(b"0").body == b"['here', 'r1']"


def test_a_function_that_cannot_be_called_is_refused(worker):
    double = worker(MODEL + "def predict_fn(data, model, context, more): return 1\n")
    message = failure(double)
    assert message["stage"] == "handler"
    assert message["error"] == (
        "predict_fn(data, model, context, more) cannot be called: it gets (data, model) and, where"
        " it takes one more, the context"
    )
