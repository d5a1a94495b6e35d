"""The environment of a training job: folders, configuration files, machine.

Importing this makes code/, and outside of a container a folder for a job (berth_compat.layout).
What the files and variables mean is decided by berth's core, as for `berth train`.
"""

from __future__ import annotations

import os

from berth_compat import layout
from berth_compat.layout import BASE_PATH_ENV, SAGEMAKER_BASE_PATH, write_env_vars  # noqa: F401
from berth_compat.machine import num_cpus, num_gpus, num_neurons  # noqa: F401
from berth_compat.properties import core_property, training_values
from sagemaker_training import logging_config, mapping, params

logger = logging_config.get_logger()

HYPERPARAMETERS_FILE = "hyperparameters.json"
RESOURCE_CONFIG_FILE = "resourceconfig.json"
INPUT_DATA_CONFIG_FILE = "inputdataconfig.json"


def _hosts_outside(host):
    group = {"instance_group_name": "homogeneousCluster", "instance_type": "local", "hosts": [host]}
    return {
        "current_host": host,
        "hosts": [host],
        "current_instance_group": "homogeneousCluster",
        "instance_groups": [group],
    }


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


def _read_json(path):
    import json

    with open(path, "r") as f:
        return json.load(f)


def read_hyperparameters():
    """hyperparameters.json; texts that are JSON are the values they stand for."""
    return layout.read_hyperparameters(hyperparameters_file_dir, logger)


def read_resource_config():
    """resourceconfig.json: this host, all hosts, their groups."""
    return _read_json(resource_config_file_dir)


def read_input_data_config():
    """inputdataconfig.json: the channels by their names."""
    return _read_json(input_data_config_file_dir)


def channel_path(channel):
    """The folder of a channel's data."""
    return os.path.join(_input_data_dir, channel)


def validate_smddprun():
    """Whether smddprun is on the PATH."""
    import shutil

    return shutil.which("smddprun") is not None


def validate_smddpmprun():
    """Whether smddpmprun is on the PATH."""
    import shutil

    return shutil.which("smddpmprun") is not None


class Environment(mapping.MappingMixin):
    """A job as it was when this was made; a read-only mapping of its properties.

    What is not given is read from the files. Sets CURRENT_HOST, SAGEMAKER_JOB_NAME and
    SAGEMAKER_REGION for this process. OSError for a file that is missing, ValueError for one that
    does not say what it must.
    """

    def __init__(self, resource_config=None, input_data_config=None, hyperparameters=None):
        resource_config = resource_config or read_resource_config()
        self._values = training_values(
            base_dir,
            resource_config,
            input_data_config or read_input_data_config(),
            hyperparameters or read_hyperparameters(),
            cpus=num_cpus(),
            gpus=num_gpus(),
            neurons=num_neurons(resource_config.get("current_instance_type", "local")),
            smddprun_installed=validate_smddprun(),
            smddpmprun_installed=validate_smddpmprun(),
        )
        for name in (params.CURRENT_HOST_ENV, params.JOB_NAME_ENV, params.REGION_NAME_ENV):
            os.environ[name] = self._values["variables"][name]

    additional_framework_parameters = core_property(
        "dict: hyperparameters that begin with sagemaker_ and are not the toolkit's own."
    )
    channel_input_dirs = core_property("dict: the folder of each channel.")
    current_host = core_property('str: this host, "algo-1".')
    current_instance_group = core_property("str: the group of instances of this host.")
    current_instance_group_hosts = core_property("list: the hosts of this host's group.")
    current_instance_type = core_property('str: "ml.c5.xlarge"; "local" where nobody says.')
    distribution_hosts = core_property("list: the hosts that a distribution runs on.")
    distribution_instance_groups = core_property("list: the groups that a distribution runs in.")
    framework_module = core_property('str: SAGEMAKER_TRAINING_MODULE, "module:function", or None.')
    hosts = core_property("list: all hosts, sorted.")
    hyperparameters = core_property("dict: the user's hyperparameters.")
    input_config_dir = core_property("str: the folder of the configuration files.")
    input_data_config = core_property("dict: inputdataconfig.json.")
    input_dir = core_property("str: /opt/ml/input.")
    instance_groups = core_property("list: the names of the groups of instances.")
    instance_groups_dict = core_property("dict: the groups of instances by name.")
    is_hetero = core_property("bool: there is more than one group.")
    is_master = core_property("bool: this host is the master.")
    is_modelparallel_enabled = core_property("bool: SM_HP_MP_PARAMETERS asks for it; or None.")
    is_smddpmprun_installed = core_property("bool: smddpmprun is on the PATH.")
    is_smddprun_installed = core_property("bool: smddprun is on the PATH.")
    job_name = core_property("str: TRAINING_JOB_NAME, or None.")
    log_level = core_property("int: of Python's logging.")
    master_hostname = core_property("str: the first host of the distribution, else of all.")
    model_dir = core_property("str: where the model is to be saved.")
    module_dir = core_property("str: where the user's code comes from.")
    module_name = core_property("str: the entry point without .py.")
    network_interface_name = core_property("str: the network between the hosts.")
    num_cpus = core_property("int: CPUs.")
    num_gpus = core_property("int: GPUs.")
    num_neurons = core_property("int: Neuron cores.")
    output_data_dir = core_property("str: for results that are not the model.")
    output_dir = core_property("str: where success and failure are written.")
    output_intermediate_dir = core_property("str: for results that are uploaded as they come.")
    resource_config = core_property("dict: resourceconfig.json.")
    topology = core_property("list: where the hosts are, on machines that say so.")
    user_entry_point = core_property("str: what is run, or None.")

    def sagemaker_s3_output(self):
        """str: where intermediate output goes, or None."""
        return self._values["sagemaker_s3_output"]

    def to_cmd_args(self):
        """The user's hyperparameters as a script's arguments."""
        return mapping.to_cmd_args(self.hyperparameters)

    def to_env_vars(self):
        """The SM_* variables of the classic contract."""
        env = {
            name: getattr(self, name)
            for name in (
                "hosts network_interface_name user_entry_point resource_config input_data_config"
                " output_data_dir current_host current_instance_type current_instance_group"
                " current_instance_group_hosts instance_groups instance_groups_dict"
                " distribution_instance_groups is_hetero module_name log_level framework_module"
                " input_dir input_config_dir output_dir num_cpus num_gpus num_neurons model_dir"
                " module_dir output_intermediate_dir"
            ).split()
        }
        env["hps"] = self.hyperparameters
        env["framework_params"] = self.additional_framework_parameters
        env["channels"] = sorted(self.channel_input_dirs)
        env["training_env"] = dict(self)
        env["user_args"] = self.to_cmd_args()
        if self.topology:
            env["topology"] = self.topology
        env.update(("channel_%s" % name, path) for name, path in self.channel_input_dirs.items())
        env.update(("hp_%s" % name, value) for name, value in self.hyperparameters.items())
        return mapping.to_env_vars(env)

    def get_distribution_instance_groups_from_resource_config(self):
        """list: this host's group where a switch among the hyperparameters turns a distribution on,
        else none."""
        switches = (
            params.MPI_ENABLED,
            params.PARAMETER_SERVER_ENABLED,
            "sagemaker_distributed_dataparallel_enabled",
            "sagemaker_pytorch_ddp_enabled",
            params.PYTORCH_XLA_MULTI_WORKER_ENABLED,
            params.MULTI_WORKER_MIRRORED_STRATEGY_ENABLED,
            "sagemaker_torch_distributed_enabled",
        )
        on = any(self.additional_framework_parameters.get(name) for name in switches)
        return [self.current_instance_group] if on else []

    def get_current_instance_group(self):
        """str: resourceconfig.json's current_instance_group; KeyError where it has none."""
        return self.resource_config["current_instance_group"]

    def get_distribution_hosts(self):
        """list: distribution_hosts."""
        return self.distribution_hosts

    def get_current_instance_group_hosts(self):
        """list: current_instance_group_hosts."""
        return self.current_instance_group_hosts

    def get_instance_groups(self):
        """list: instance_groups."""
        return self.instance_groups

    def get_instance_groups_dict(self):
        """dict: instance_groups_dict."""
        return self.instance_groups_dict

    def get_master_hostname(self):
        """str: master_hostname."""
        return self.master_hostname
