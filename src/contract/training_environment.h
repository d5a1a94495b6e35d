// One training job as a value: what the platform laid down, read once, never changed.
//
// Source of the rules: sections 1 and 2 of docs/contract.md. Pure: no file is opened here and no
// variable of the process is read; both come in as Inputs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "contract/cluster.h"
#include "contract/config_file.h"
#include "contract/layout.h"
#include "core/error.h"
#include "core/json.h"

namespace berth::contract {

using Variables = std::map<std::string, std::string>;

struct Inputs {
  Layout layout;
  ConfigFile hyperparameters;
  ConfigFile input_data_config;
  ConfigFile resource_config;
  /// The environment of the process.
  Variables variables;
  int cpus = 1;
  int gpus = 0;
  int neurons = 0;
  /// SageMaker's data and model parallel launchers, `smddprun` and `smddpmprun`, are on PATH.
  bool smddprun_installed = false;
  bool smddpmprun_installed = false;
};

/// Plain strings here are bytes as the system takes them (a file's name, a variable's value). JSON
/// values, and the names of hosts, groups and channels, are Python's strings (core/wtf8.h), which
/// are the same bytes unless they hold escaped ones.
struct TrainingEnvironment : Cluster {
  Layout layout;

  /// The user's hyperparameters, decoded, in the order of the file.
  json::Object hyperparameters;
  /// Other keys with the prefix "sagemaker_", decoded (SM_FRAMEWORK_PARAMS).
  json::Object framework_parameters;
  json::Object resource_config;
  json::Object input_data_config;

  std::vector<std::string> channels;  // sorted

  /// What is run: SAGEMAKER_PROGRAM, else sagemaker_program ("train.py", "sub/train.py", "run.sh");
  /// empty where none is.
  std::string entry_point;
  /// SM_USER_ENTRY_POINT: the same with its JSON type (a script called "7" is a number), or null.
  json::Value user_entry_point;
  /// entry_point less a ".py"; "None" where none is, as Python prints its None.
  std::string module_name;
  /// sagemaker_submit_directory, else SAGEMAKER_SUBMIT_DIRECTORY; empty where none is.
  std::string submit_directory;
  /// SAGEMAKER_TRAINING_MODULE: "module:function"; empty where none is.
  std::string framework_module;
  /// sagemaker_container_log_level, else SAGEMAKER_CONTAINER_LOG_LEVEL, else 20.
  int log_level = 20;
  /// TRAINING_JOB_NAME; empty where none is.
  std::string job_name;
  /// sagemaker_job_name (exported as SAGEMAKER_JOB_NAME); empty where none is.
  std::string job_name_parameter;
  /// sagemaker_region, else AWS_REGION, AWS_DEFAULT_REGION, SAGEMAKER_REGION; empty where none is.
  std::string region;
  /// sagemaker_s3_output: where intermediate output goes; empty where none is.
  std::string s3_output;
  /// SM_HP_MP_PARAMETERS; empty where none is.
  std::string mp_parameters;

  int cpus = 1;
  int gpus = 0;
  int neurons = 0;
  bool smddprun_installed = false;
  bool smddpmprun_installed = false;
};

/// Reads the three files and the variables. The error names the file, the place in it, what was
/// expected and what was found.
[[nodiscard]] Result<TrainingEnvironment> ReadTrainingEnvironment(const Inputs& inputs);

/// Every public property of the reference's environment under its name there, by names:
/// SM_TRAINING_ENV, and what the Python packages show.
json::Object ToProperties(const TrainingEnvironment& environment);

/// Every variable the script gets beyond those of the process: the SM_* variables of the classic
/// and of the version-3 contract (where both have a name, the classic value), CURRENT_HOST,
/// SAGEMAKER_JOB_NAME, SAGEMAKER_REGION. (PYTHONPATH depends on the process: training adds it.)
/// Names and values are bytes as execve() takes them: no NUL, no '=' in a name. A hyperparameter
/// whose name has a '=' has no variable of its own; it is in SM_HPS and among the arguments.
Variables ToVariables(const TrainingEnvironment& environment);

/// The arguments of a script started as `train`, the classic contract: `--name value`, `-n value`
/// for a name of one character; sorted; an object is k=v,k2=v2; other values as Python's str().
std::vector<std::string> ToArguments(const TrainingEnvironment& environment);

/// The arguments where the version-3 SDK's drivers start the script: `--name value` in the order
/// of the file, and the value JSON text unless it is a string.
std::vector<std::string> ToArgumentsV3(const TrainingEnvironment& environment);

}  // namespace berth::contract
