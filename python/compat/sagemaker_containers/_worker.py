"""The web application of a serving container: Worker, Request and Response.

They are Flask's classes where Flask is installed, of whichever version, else ones of our own with
what a Transformer needs (docs/python.md). Either is imported when a class is first asked for.
"""

from __future__ import annotations

_CLASSES = ("Worker", "Request", "Response")


def default_healthcheck_fn():
    """An answer 200 without a body, to /ping."""
    return __getattr__("Response")(status=200)


def __getattr__(name):
    if name == "env":
        from sagemaker_containers import _env

        globals()[name] = _env.ServingEnv()
    elif name in _CLASSES:
        try:
            import flask  # noqa: F401
        except ImportError:
            from sagemaker_containers import _worker_alone as module
        else:
            from sagemaker_containers import _worker_flask as module
        globals().update({each: getattr(module, each) for each in _CLASSES})
    else:
        raise AttributeError("module %r has no attribute %r" % (__name__, name))
    return globals()[name]


def __dir__():
    return sorted({*globals(), *_CLASSES, "env"})
