"""Where berth differs from the reference on purpose: docs/deviations.md, as code.

Most rules turn a case into one on which the reference does what berth does with the original.
test_deviations.py shows for each that the reference still differs on the original itself.
"""

import json
import os

from generate import Case

READ_VARIABLES = [
    "SAGEMAKER_PROGRAM",
    "SAGEMAKER_SUBMIT_DIRECTORY",
    "SAGEMAKER_CONTAINER_LOG_LEVEL",
    "SAGEMAKER_TRAINING_MODULE",
    "SAGEMAKER_REGION",
    "TRAINING_JOB_NAME",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "SM_HP_MP_PARAMETERS",
]


def decoded(value):
    """A hyperparameter as the reference reads it."""
    try:
        return json.loads(value)
    except (ValueError, TypeError):
        return value


def reserved(case, name):
    value = case.hyperparameter(name)
    return None if value is None else decoded(value)


def empty_variables(case):
    """An input variable that is set but empty counts as not set."""
    return case.without(variables=[n for n in READ_VARIABLES if case.variables.get(n) == ""])


def null_reserved(case):
    """A reserved hyperparameter that is null, or an empty submit directory, counts as not given."""
    if reserved(case, "sagemaker_container_log_level") is None:
        case = case.without(hyperparameter="sagemaker_container_log_level")
    if reserved(case, "sagemaker_submit_directory") in (None, ""):
        case = case.without(hyperparameter="sagemaker_submit_directory")
    return case


def submit_directory_variable(case):
    """SAGEMAKER_SUBMIT_DIRECTORY is used where there is no such hyperparameter."""
    value = case.variables.get("SAGEMAKER_SUBMIT_DIRECTORY")
    if value is None or case.hyperparameter("sagemaker_submit_directory") is not None:
        return case
    return case.with_hyperparameter("sagemaker_submit_directory", json.dumps(value))


def log_level_variable(case):
    """SAGEMAKER_CONTAINER_LOG_LEVEL is used where there is no such hyperparameter."""
    value = case.variables.get("SAGEMAKER_CONTAINER_LOG_LEVEL")
    if value is None or case.hyperparameter("sagemaker_container_log_level") is not None:
        return case
    return case.with_hyperparameter("sagemaker_container_log_level", value)


def region_variables(case):
    """SAGEMAKER_REGION comes from the variables of the platform too."""
    if "sagemaker_region" in dict(case.hyperparameters):
        return case
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "SAGEMAKER_REGION"):
        if name in case.variables:
            return case.with_hyperparameter("sagemaker_region", json.dumps(case.variables[name]))
    return case


def reserved_texts(case):
    """A job name or region that is JSON other than text is exported as text; null is empty."""
    for name in ("sagemaker_job_name", "sagemaker_region"):
        if name in dict(case.hyperparameters):
            value = reserved(case, name)
            if not isinstance(value, str):
                text = "" if value is None else str(value)
                case = case.with_hyperparameter(name, json.dumps(text))
    return case


REWRITES = [
    empty_variables,
    null_reserved,
    submit_directory_variable,
    log_level_variable,
    region_variables,
    reserved_texts,
]


def canonical(case: Case) -> Case:
    for rewrite in REWRITES:
        case = rewrite(case)
    return case


def berth_refuses(case):
    """A log level that is no whole number is an error at once, not after the set-up."""
    level = reserved(case, "sagemaker_container_log_level")
    number = isinstance(level, int) and not isinstance(level, bool) and abs(level) < 2**31
    return level is not None and not number


def equals_sign(refused):
    """A hyperparameter with '=' in its name has no variable of its own; the reference ends."""
    return refused == "ValueError: illegal environment variable name"


def hyperparameters(case):
    return {
        name: decoded(value)
        for name, value in dict(case.hyperparameters).items()
        if not name.startswith("sagemaker_")
        and name not in ("default_user_module_name", "_tuning_objective_metric")
    }


def version3(case, base, classic):
    """The variables that berth adds for the newer contract, from the case alone."""

    def seen(text):
        return os.fsdecode(os.fsencode(text))

    resources = dict(case.resources)
    hosts = sorted(resources["hosts"])
    training = json.loads(classic["SM_TRAINING_ENV"])
    added = {
        "SM_INPUT_DATA_DIR": f"{base}/input/data",
        "SM_OUTPUT_FAILURE": f"{base}/output/failure",
        "SM_MASTER_ADDR": training["master_hostname"],
        "SM_MASTER_PORT": "7777",
        "SM_HOST_COUNT": str(len(hosts)),
        "SM_SOURCE_DIR": f"{base}/code",
        "SM_ENTRY_SCRIPT": "" if training["user_entry_point"] is None else str(training["user_entry_point"]),
        "SM_DISTRIBUTED_CONFIG": "{}",
    }
    if training["distribution_instance_groups"]:
        processes = training["additional_framework_parameters"].get("sagemaker_mpi_num_of_processes_per_host")
        added["SM_DISTRIBUTED_CONFIG"] = json.dumps({"process_count_per_node": processes})
    if resources["current_host"] in hosts:
        added["SM_CURRENT_HOST_RANK"] = str(hosts.index(resources["current_host"]))
    for name, value in hyperparameters(case).items():
        variable = "SM_HP_" + name.replace("-", "_").upper()
        if "=" not in variable:
            added[variable] = value if isinstance(value, str) else json.dumps(value)
    return {seen(n): seen(v) for n, v in added.items() if seen(n) not in classic}
