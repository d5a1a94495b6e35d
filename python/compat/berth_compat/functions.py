"""The arguments of functions, and exceptions that become others."""

from __future__ import annotations

import collections

from berth_compat import mapping

# inspect.ArgSpec, which Python 3.11 has no more.
ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")


def matching_args(fn, dictionary):
    """The members of `dictionary` that `fn` can be called with; all where it takes any keyword."""
    spec = getargspec(fn)
    if spec.keywords:
        return dictionary
    return mapping.split_by_criteria(dictionary, spec.args).included


def getargspec(fn):
    """ArgSpec(args, varargs, keywords, defaults) of `fn`. TypeError where Python cannot tell."""
    import inspect

    spec = inspect.getfullargspec(fn)
    return ArgSpec(spec.args, spec.varargs, spec.varkw, spec.defaults)


def error_wrapper(fn, error_class):
    """`fn` whose exceptions become error_class(exception), with the traceback of the cause."""

    def wrapper(*args, **kwargs):
        try:
            return fn(*args, **kwargs)
        except Exception as e:
            raise error_class(e).with_traceback(e.__traceback__)

    return wrapper
