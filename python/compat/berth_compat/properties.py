"""What berth's core makes of a job's files and variables, as properties."""

from __future__ import annotations

import os


class core_property(property):
    """A property of the name it is given, out of self._values."""

    def __init__(self, doc):
        super(core_property, self).__init__(self._get, doc=doc)
        self._name = None

    def __set_name__(self, _owner, name):
        self._name = name

    def _get(self, instance):
        return instance._values[self._name]


def training_values(base, resource_config, input_data_config, hyperparameters, **machine):
    """berth._core.training_environment() of these values in place of the files.

    `hyperparameters` are decoded. ValueError where they do not say what they must; TypeError for
    what JSON cannot hold.
    """
    import json

    from berth import _core

    # The core decodes text that is JSON, as it does for the file.
    encoded = {
        name: json.dumps(value) if isinstance(value, str) else value
        for name, value in hyperparameters.items()
    }
    values = _core.training_environment(
        base,
        os.environ,
        hyperparameters=json.dumps(encoded),
        input_data_config=json.dumps(input_data_config),
        resource_config=json.dumps(resource_config),
        **machine
    )
    # In the order of the file: of channels with the same variable (train, Train) the last counts.
    folders = values["channel_input_dirs"]
    values["channel_input_dirs"] = {
        name: folders[name] for name in input_data_config if name in folders
    }
    return values
