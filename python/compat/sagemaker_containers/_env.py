"""The environment of a container: folders, configuration files, machine.

Importing this makes code/, and outside of a container a folder for a job (berth_compat.layout).
What the files and variables mean is decided by berth's core, as for `berth train`.
"""

from __future__ import annotations

import logging
import os

from berth_compat import layout
from berth_compat.layout import BASE_PATH_ENV, SAGEMAKER_BASE_PATH, write_env_vars  # noqa: F401
from berth_compat.machine import num_cpus, num_gpus  # noqa: F401
from berth_compat.properties import core_property, training_values
from sagemaker_containers import _logging, _mapping, _params

logger = _logging.get_logger()

HYPERPARAMETERS_FILE = "hyperparameters.json"
RESOURCE_CONFIG_FILE = "resourceconfig.json"
INPUT_DATA_CONFIG_FILE = "inputdataconfig.json"


def _hosts_outside(host):
    return {"current_host": host, "hosts": [host]}


base_dir = layout.base_directory(logger, _hosts_outside)
code_dir = os.path.join(base_dir, "code")
model_dir = os.path.join(base_dir, "model")
input_dir = os.path.join(base_dir, "input")
_input_data_dir = os.path.join(input_dir, "data")
input_config_dir = os.path.join(input_dir, "config")
output_dir = os.path.join(base_dir, "output")
output_data_dir = os.path.join(output_dir, "data")
output_intermediate_dir = os.path.join(output_dir, "intermediate")
hyperparameters_file_dir = os.path.join(input_config_dir, HYPERPARAMETERS_FILE)
input_data_config_file_dir = os.path.join(input_config_dir, INPUT_DATA_CONFIG_FILE)
resource_config_file_dir = os.path.join(input_config_dir, RESOURCE_CONFIG_FILE)


def __getattr__(name):
    if name == "ServingEnv":
        from sagemaker_containers._serving_env import ServingEnv

        globals()[name] = ServingEnv
        return ServingEnv
    raise AttributeError("module %r has no attribute %r" % (__name__, name))


def __dir__():
    return sorted(set(globals()) | {"ServingEnv"})


def _read_json(path):
    import json

    with open(path, "r") as f:
        return json.load(f)


def read_hyperparameters():
    """hyperparameters.json; texts that are JSON are the values they stand for."""
    return layout.read_hyperparameters(hyperparameters_file_dir, logger)


def read_resource_config():
    """resourceconfig.json: this host and all hosts."""
    return _read_json(resource_config_file_dir)


def read_input_data_config():
    """inputdataconfig.json: the channels by their names."""
    return _read_json(input_data_config_file_dir)


def channel_path(channel):
    """The folder of a channel's data."""
    return os.path.join(_input_data_dir, channel)


class _Env(_mapping.MappingMixin):
    """What training and serving have in common, as the variables are when this is made."""

    def __init__(self):
        self._current_host = os.environ.get(_params.CURRENT_HOST_ENV)
        self._module_name = os.environ.get(_params.USER_PROGRAM_ENV)
        self._user_entry_point = self._module_name
        self._module_dir = os.environ.get(_params.SUBMIT_DIR_ENV, code_dir)
        self._log_level = int(os.environ.get(_params.LOG_LEVEL_ENV, logging.INFO))
        self._model_dir = model_dir
        self._num_cpus = num_cpus()
        self._num_gpus = num_gpus()

    @property
    def current_host(self):
        """str: this host, "algo-1"."""
        return self._current_host

    @property
    def log_level(self):
        """int: of Python's logging."""
        return self._log_level

    @property
    def model_dir(self):
        """str: where the model is, or is to be saved."""
        return self._model_dir

    @property
    def module_dir(self):
        """str: where the user's code comes from."""
        return self._module_dir

    @property
    def module_name(self):
        """str: the entry point without .py."""
        name = self._module_name
        return name[:-3] if name and name.endswith(".py") else name

    @property
    def num_cpus(self):
        """int: CPUs."""
        return self._num_cpus

    @property
    def num_gpus(self):
        """int: GPUs."""
        return self._num_gpus

    @property
    def user_entry_point(self):
        """str: what is run, or None."""
        return self._user_entry_point


class TrainingEnv(_Env):
    """A job as it was when this was made; a read-only mapping of its properties.

    What is not given is read from the files. Sets CURRENT_HOST, SAGEMAKER_JOB_NAME and
    SAGEMAKER_REGION for this process. OSError for a file that is missing, ValueError for one that
    does not say what it must.
    """

    def __init__(self, resource_config=None, input_data_config=None, hyperparameters=None):
        self._values = training_values(
            base_dir,
            resource_config or read_resource_config(),
            input_data_config or read_input_data_config(),
            hyperparameters or read_hyperparameters(),
            cpus=num_cpus(),
            gpus=num_gpus(),
        )
        # This toolkit knows no distributions: its master is the first of all hosts.
        self._values["master_hostname"] = self.hosts[0]
        self._values["is_master"] = self.current_host == self.hosts[0]
        for name in (_params.CURRENT_HOST_ENV, _params.JOB_NAME_ENV, _params.REGION_NAME_ENV):
            os.environ[name] = self._values["variables"][name]

    additional_framework_parameters = core_property(
        "dict: hyperparameters that begin with sagemaker_ and are not the toolkit's own."
    )
    channel_input_dirs = core_property("dict: the folder of each channel.")
    current_host = core_property('str: this host, "algo-1".')
    framework_module = core_property('str: SAGEMAKER_TRAINING_MODULE, "module:function", or None.')
    hosts = core_property("list: all hosts, sorted.")
    hyperparameters = core_property("dict: the user's hyperparameters.")
    input_config_dir = core_property("str: the folder of the configuration files.")
    input_data_config = core_property("dict: inputdataconfig.json.")
    input_dir = core_property("str: /opt/ml/input.")
    is_master = core_property("bool: this host is the master.")
    job_name = core_property("str: TRAINING_JOB_NAME, or None.")
    log_level = core_property("int: of Python's logging.")
    master_hostname = core_property("str: the first of all hosts.")
    model_dir = core_property("str: where the model is to be saved.")
    module_dir = core_property("str: where the user's code comes from.")
    module_name = core_property("str: the entry point without .py.")
    network_interface_name = core_property("str: the network between the hosts.")
    num_cpus = core_property("int: CPUs.")
    num_gpus = core_property("int: GPUs.")
    output_data_dir = core_property("str: for results that are not the model.")
    output_dir = core_property("str: where success and failure are written.")
    output_intermediate_dir = core_property("str: for results that are uploaded as they come.")
    resource_config = core_property("dict: resourceconfig.json.")
    user_entry_point = core_property("str: what is run, or None.")

    def sagemaker_s3_output(self):
        """str: where intermediate output goes, or None."""
        return self._values["sagemaker_s3_output"]

    def to_cmd_args(self):
        """The user's hyperparameters as a script's arguments."""
        return _mapping.to_cmd_args(self.hyperparameters)

    def to_env_vars(self):
        """The SM_* variables of this toolkit's contract."""
        env = {
            name: getattr(self, name)
            for name in (
                "hosts network_interface_name user_entry_point resource_config input_data_config"
                " output_data_dir current_host module_name log_level framework_module input_dir"
                " input_config_dir output_dir num_cpus num_gpus model_dir module_dir"
                " output_intermediate_dir"
            ).split()
        }
        env["hps"] = self.hyperparameters
        env["framework_params"] = self.additional_framework_parameters
        env["channels"] = sorted(self.channel_input_dirs)
        env["training_env"] = dict(self)
        env["user_args"] = self.to_cmd_args()
        env.update(("channel_%s" % name, path) for name, path in self.channel_input_dirs.items())
        env.update(("hp_%s" % name, value) for name, value in self.hyperparameters.items())
        return _mapping.to_env_vars(env)
