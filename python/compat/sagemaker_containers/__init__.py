"""The API of sagemaker-containers on Berth: the work is the program `berth`'s.

docs/python.md says, name by name, what is covered and what differs.
"""

from __future__ import annotations


def training_env():
    """The environment of the training job, a read-only mapping (TrainingEnv)."""
    from sagemaker_containers import _env

    return _env.TrainingEnv(
        resource_config=_env.read_resource_config(),
        input_data_config=_env.read_input_data_config(),
        hyperparameters=_env.read_hyperparameters(),
    )
