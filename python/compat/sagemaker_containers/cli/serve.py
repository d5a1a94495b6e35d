"""`serve` of an image that was made with the original: the framework's application."""

from __future__ import annotations


def main():
    """Serves SAGEMAKER_SERVING_MODULE until it is asked to end; raises as _server.start()."""
    from sagemaker_containers import _env, _server

    _server.start(_env.ServingEnv().framework_module)


if __name__ == "__main__":
    main()
