"""The modules by which framework containers are written, each imported when it is first used."""

from __future__ import annotations

_MODULES = {
    "content_types": "_content_types",
    "encoders": "_encoders",
    "entry_point": "entry_point",
    "env": "_env",
    "errors": "_errors",
    "files": "_files",
    "functions": "_functions",
    "logging": "_logging",
    "mapping": "_mapping",
    "modules": "_modules",
    "mpi": "_mpi",
    "params": "_params",
    "process": "_process",
    "runner": "_runner",
    "server": "_server",
    "trainer": "_trainer",
    "transformer": "_transformer",
    "worker": "_worker",
}


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError("module %r has no attribute %r" % (__name__, name))
    import importlib

    module = importlib.import_module("sagemaker_containers." + _MODULES[name])
    globals()[name] = module
    return module


def __dir__():
    return sorted(set(globals()) | set(_MODULES))


def training_env(resource_config=None, input_data_config=None, hyperparameters=None):
    """The environment of the training job; what is not given is read from the files."""
    from sagemaker_containers import _env

    return _env.TrainingEnv(
        resource_config=resource_config or _env.read_resource_config(),
        input_data_config=input_data_config or _env.read_input_data_config(),
        hyperparameters=hyperparameters or _env.read_hyperparameters(),
    )
