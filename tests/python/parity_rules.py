"""Where our packages are not as the originals, on purpose: what docs/python.md tells of each name.

A name stands for its members, a module for its names. Tests fail for a difference that has no rule,
and for a rule without a difference.
"""

import re

NO = "no"
DIFFERS = "differs"

_PROTOBUF = "would need protobuf; `encoders.array_to_recordio_protobuf` writes records without it"
_LOOP = "a variable that a loop has left there"
_TABLE = "imported there; it is in `sagemaker_training`"
_MMS_FILE = "the name is there; there is no multi-model-server that would read such a file"
_PICKLE = (
    "pickled arrays raise `ValueError` unless `BERTH_ALLOW_PICKLED_ARRAYS=true`: whoever sends a request"
    " is not whoever may run code here"
)
_RAGGED = "rows of different lengths raise `ClientError`; there it is an `UnboundLocalError`"
_END = (
    "runs `berth serve`; returns when that was asked to end, and raises `RuntimeError` when it ends with"
    " an error, which there looks like success"
)

# Of names that are otherwise even to look at: missing, another signature, another value.
API = {
    "sagemaker_training.record_pb2": (NO, _PROTOBUF),
    "sagemaker_training.recordio.amount": (NO, _LOOP),
    "sagemaker_training.mpi.SM_EFA_NCCL_INSTANCES": (NO, _TABLE),
    "sagemaker_training.mpi.SM_EFA_RDMA_INSTANCES": (NO, _TABLE),
    "sagemaker_training.smdataparallel.SM_EFA_NCCL_INSTANCES": (NO, _TABLE),
    "sagemaker_training.smdataparallel.SM_EFA_RDMA_INSTANCES": (NO, _TABLE),
    "sagemaker_training.torch_distributed.SM_EFA_NCCL_INSTANCES": (NO, _TABLE),
    "sagemaker_training.torch_distributed.SM_EFA_RDMA_INSTANCES": (NO, _TABLE),
    "sagemaker_training.process.PIPE": (NO, "imported there, from `asyncio.subprocess`"),
    "sagemaker_containers.record_pb2": (NO, _PROTOBUF),
    "sagemaker_containers.beta.framework.server.nginx_config_template_file": (
        NO,
        "there is no nginx and no template",
    ),
    "sagemaker_inference.model_server.DEFAULT_MMS_CONFIG_FILE": (DIFFERS, _MMS_FILE),
    "sagemaker_inference.model_server.MME_MMS_CONFIG_FILE": (DIFFERS, _MMS_FILE),
    "sagemaker_inference.model_server.DEFAULT_MMS_LOG_FILE": (DIFFERS, _MMS_FILE),
}

_WAIT = (
    "with `wait=False` it returns at once; what is returned is the `Popen` of berth, which supervises the"
    " script and ends with its exit code"
)
_RUN = _WAIT + "; a script that is missing is a `ClientError`"
_HOSTS = "hosts and network are those of `resourceconfig.json`, whatever is given: all hosts must agree"
_FETCH = "what cannot be fetched is a `ClientError`; there it is an exception of boto3, tarfile or shutil"
_MACHINE = "the script's number: what Berth says in `SM_NUM_*`, else what this process may use"
_CONFIGURATION = (
    "what the files mean is decided by Berth's core (deviations.md); what they cannot mean is a `ValueError`"
    " that names file and place; a name that is no property is a `KeyError`"
)
_KEY_ERROR = "a name that is no property is a `KeyError`, so that `in` and `get()` work; there an `AttributeError`"
_SECRETS = "secrets are masked, and nothing is put together where INFO is off"
_SYNC = "ends at `join()` or with Python, when all is uploaded; there by itself, which can cut uploads"
_COMMAND = "`return_code` of a script that signal N ended is 128+N; `cmd` is quoted as for a shell, secrets masked"
_REPORT = _COMMAND + "; `output` has the exception first"

# Of names that look the same and do otherwise: of the package, by what stands behind its name.
_TRAINING = {
    "entry_point.run": _RUN,
    "environment.Environment": _CONFIGURATION,
    "environment.num_cpus": _MACHINE,
    "environment.num_gpus": _MACHINE,
    "environment.num_neurons": _MACHINE,
    "errors.ExecuteUserScriptError": _REPORT,
    "files.download_and_extract": _FETCH,
    "files.s3_download": _FETCH,
    "files.tmpdir": "removed also where the block raises",
    "functions.getargspec": "works on Python 3.11 and later, too",
    "functions.matching_args": "works on Python 3.11 and later, too",
    "intermediate_output.start_sync": _SYNC,
    "logging_config.log_script_invocation": _SECRETS,
    "mapping.MappingMixin": _KEY_ERROR,
    "mpi.MasterRunner": _HOSTS,
    "mpi.WorkerRunner": _HOSTS,
    "process.ProcessRunner": _WAIT,
    "process.check_error": _REPORT,
    "pytorch_xla.PyTorchXLARunner": _HOSTS,
    "smdataparallel.SMDataParallelRunner": _HOSTS,
    "torch_distributed.TorchDistributedRunner": _HOSTS,
    "encoders.csv_to_numpy": _RAGGED,
    "encoders.decode": _PICKLE + "; " + _RAGGED,
}
_CONTAINERS = {
    "entry_point.run": _RUN,
    "env.TrainingEnv": _CONFIGURATION,
    "errors.ExecuteUserScriptError": _COMMAND,
    "logging.log_script_invocation": _SECRETS,
    "modules.import_module": _FETCH,
    "modules.download_and_install": _FETCH,
    "process.ProcessRunner": _WAIT,
    "process.check_error": _COMMAND,
    "server.start": _END,
    "server.UNIX_SOCKET_BIND": "the name is there; nothing listens there",
    "server.nginx_config_file": "the name is there; no such file is made",
    "transformer.default_input_fn": _PICKLE,
    "worker.env": "made when it is first used, not when it is imported",
    "worker.Worker": "Flask's class where Flask is installed, of any version; else a WSGI application of our"
    " own: see above; `healthcheck_fn` and `execution_parameters_fn` are not called",
    "worker.Request": "Flask's where it is installed; else our own: see above",
    "worker.Response": "Flask's where it is installed; else our own: see above",
}
_SAME = "env files functions mapping mpi process encoders".split()
_INFERENCE = {
    "decoder.decode": _PICKLE,
    "default_inference_handler.DefaultInferenceHandler.default_input_fn": _PICKLE,
    "environment.Environment.vmargs": "there is no JVM that would take them",
    "model_server.start_model_server": _END
    + ". The default service is Berth's own handling of the user's functions (serving.md); any other is run"
    " as multi-model-server runs it, but where it cannot be loaded the server ends."
    " `SAGEMAKER_MULTI_MODEL` raises `NotImplementedError`",
    "model_server.MMS_CONFIG_FILE": _MMS_FILE,
    "model_server.MMS_NAMESPACE": "the name is there; no process is called that",
    "model_server.DEFAULT_MMS_MODEL_EXPORT_DIRECTORY": "the name is there; nothing is exported to it",
}


def _named(prefix, rules):
    return {prefix + name: why for name, why in rules.items()}


BEHAVIOUR = {
    **_named("sagemaker_training.", _TRAINING),
    **_named(
        "sagemaker_containers.beta.framework.",
        {
            **{
                name.replace("environment.", "env."): why
                for name, why in _TRAINING.items()
                if name.replace("environment.", "env.").partition(".")[0] in _SAME
                and name not in ("environment.Environment", "environment.num_neurons")
            },
            **_CONTAINERS,
        },
    ),
    "sagemaker_containers.entry_point.run": _WAIT,
    "sagemaker_containers.training_env": _CONFIGURATION,
    "sagemaker_containers.beta.framework.training_env": _CONFIGURATION,
    "sagemaker_containers.cli.serve.main": _END,
    **_named("sagemaker_inference.", _INFERENCE),
}


def rule_of(name, rules):
    """The rule for a name: its own, or that of what it belongs to."""
    while name:
        if name in rules:
            return name
        name = name.rpartition(".")[0]
    return None


def _ragged(case, their, our):
    return (
        their[0].startswith("raises UnboundLocalError")
        and our[0].startswith("raises ClientError")
        and ": Error while decoding csv: setting an array element with a sequence" in our[0]
    )


def _no_such_property(case, their, our):
    return (
        case.startswith("MappingMixin")
        and their[0].startswith("raises AttributeError")
        and our[0].startswith("raises KeyError")
    )


def _refused(case, their, our):
    """What no process can be given: refused when the files are read, not when one is started."""
    return (
        case.startswith("job ")
        and re.match("raises (UnicodeEncodeError|ValueError)", their[0])
        and our[0].startswith("raises ValueError < Exception < BaseException: cannot use ")
    )


def _raised(case, their, our):
    return their[0].startswith("tuple(int 500") and our[0].startswith("raises ")


# Without Flask: an exception of a view is the server's to answer.
WITHOUT_FLASK = [_raised]

# What may come of a case that differs: section of parity_cases -> rules, each met by some case.
ANSWERS = {
    "codecs": [_ragged],
    "mappings": [_no_such_property],
    "environments": [_refused],
}

