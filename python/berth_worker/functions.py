"""The user's module and the functions in it: which there are, and how each is called."""

import importlib
import importlib.util
import inspect
import os
import sys

# Function -> what it is called with.
ARGUMENTS = {
    "pre_model_fn": ("model_dir",),
    "model_fn": ("model_dir",),
    "model_warmup_fn": ("model_dir", "model"),
    "input_fn": ("data", "content_type"),
    "predict_fn": ("data", "model"),
    "output_fn": ("prediction", "accept"),
    "transform_fn": ("model", "data", "content_type", "accept"),
}


class HandlerError(Exception):
    """The module cannot serve: something is missing, or too much."""


class Functions:
    """Each name of ARGUMENTS is an attribute: what to call, without the context, or None.
    `with_context`: whether one of those called per request takes it."""

    def __init__(self, module, where, context):
        """`module`: the user's, or None where there is none. `where`: tells people about it."""
        found = {name: getattr(module, name, None) for name in ARGUMENTS}
        _check(found, where)
        self.with_context = False
        for name, function in found.items():
            call = None
            if function is not None:
                call, takes_context = bind(name, function, context)
                if takes_context and "model" not in name:
                    self.with_context = True
            setattr(self, name, call)


def _check(found, where):
    others = [name for name in ("input_fn", "predict_fn", "output_fn") if found[name]]
    if found["transform_fn"] and others:
        raise HandlerError(
            "transform_fn replaces input_fn, predict_fn and output_fn, but there is also %s: keep"
            " one or the other (%s)" % (" and ".join(others), where)
        )
    missing = []
    if not found["model_fn"]:
        missing.append("model_fn(model_dir)")
    if not found["predict_fn"] and not found["transform_fn"]:
        missing.append("predict_fn(data, model) (or transform_fn)")
    if missing:
        raise HandlerError("there is no %s: %s" % (" and no ".join(missing), where))
    for name, function in found.items():
        if function is not None and not callable(function):
            raise HandlerError("%s is no function but %r (%s)" % (name, function, where))


def find(name, code_dirs, model_dir=None):
    """The user's module, or None, and where it was found or looked for."""
    try:
        there = importlib.util.find_spec(name) is not None
    except ModuleNotFoundError as error:
        if not error.name or not (name + ".").startswith(error.name + "."):
            raise
        there = False
    except ValueError:  # in sys.modules, without a spec
        there = name in sys.modules
    if there:
        module = importlib.import_module(name)
        return module, "in %s" % getattr(module, "__file__", name)
    listed = "; ".join(_contents(folder) for folder in code_dirs)
    if model_dir and not any(os.path.isdir(folder) for folder in code_dirs):
        listed += "; the model directory is %s" % _contents(model_dir)
    return None, "no module %r was found; looked in %s" % (name, listed)


def _contents(folder):
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        return "%r (%s)" % (folder, error.strerror)
    shown = ", ".join(repr(name) for name in names[:20]) or "nothing"
    more = len(names) - 20
    return "%r (holds %s%s)" % (folder, shown, ", and %d more" % more if more > 0 else "")


def bind(name, function, context):
    """What to call with the arguments of ARGUMENTS[name], and whether that hands on `context`.

    A function with one parameter more than these gets the context in it, whatever it is called; a
    parameter named context gets it wherever it stands. Others must have defaults.
    """
    count = len(ARGUMENTS[name])
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a builtin
        return function, False
    parameters = signature.parameters
    named = parameters.get("context")
    position = list(parameters).index("context") if named else -1
    if named and (named.kind == named.KEYWORD_ONLY or position > count):
        if named.kind != named.POSITIONAL_ONLY and _fits(signature, count, context=context):
            return _with_keyword(function, context), True
    if len(parameters) == count + 1 and _fits(signature, count + 1):
        return _with_one_more(function, count, context), True
    if _fits(signature, count):
        return function, False
    if _fits(signature, count + 1):
        return _with_one_more(function, count, context), True
    raise HandlerError(
        "%s%s cannot be called: it gets (%s) and, where it takes one more, the context"
        % (name, signature, ", ".join(ARGUMENTS[name]))
    )


def _fits(signature, count, **named):
    try:
        signature.bind(*[None] * count, **named)
    except TypeError:
        return False
    return True


def _with_one_more(function, count, context):
    if count == 1:
        return lambda a: function(a, context)
    if count == 2:
        return lambda a, b: function(a, b, context)
    return lambda a, b, c, d: function(a, b, c, d, context)


def _with_keyword(function, context):
    return lambda *arguments: function(*arguments, context=context)
