// One training job as a value: what the platform laid down, read once, never changed.
//
// Source of the rules: sections 1 and 2 of docs/contract.md. Pure: no file is opened here and no
// variable of the process is read; both come in as Inputs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "contract/layout.h"
#include "core/error.h"
#include "core/json.h"

namespace berth::contract {

using Variables = std::map<std::string, std::string>;

/// A configuration file as it was found.
struct ConfigFile {
  std::string path;
  /// Its bytes, or why there are none ("No such file or directory").
  Result<std::string> bytes;
};

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
};

struct InstanceGroup {
  std::string name;
  std::string instance_type;
  std::vector<std::string> hosts;
};

struct TrainingEnvironment {
  Layout layout;

  /// The user's hyperparameters, decoded, in the order of the file.
  json::Object hyperparameters;
  /// Other keys with the prefix "sagemaker_", decoded (SM_FRAMEWORK_PARAMS).
  json::Object framework_parameters;
  json::Object resource_config;
  json::Object input_data_config;

  std::string current_host;
  std::string current_instance_type;
  std::string current_instance_group;
  std::vector<std::string> current_instance_group_hosts;
  std::vector<std::string> hosts;  // sorted
  std::vector<InstanceGroup> instance_groups;
  std::vector<std::string> distribution_instance_groups;
  /// Hosts of the distribution's groups, else all hosts.
  std::vector<std::string> distribution_hosts;
  bool is_hetero = false;
  std::string master_host;
  bool is_master = false;
  std::string network_interface;
  std::optional<json::Value> topology;
  std::vector<std::string> channels;  // sorted

  /// sagemaker_program as given ("train.py", "sub/train.py", "run.sh"); empty where none is.
  std::string entry_point;
  /// entry_point less a ".py".
  std::string module_name;
  /// sagemaker_submit_directory as given; empty where none is.
  std::string submit_directory;
  /// SAGEMAKER_TRAINING_MODULE: "module:function"; empty where none is.
  std::string framework_module;
  int log_level = 20;
  std::string job_name;
  std::string region;
  /// sagemaker_s3_output: where intermediate output goes; empty where none is.
  std::string s3_output;

  int cpus = 1;
  int gpus = 0;
  int neurons = 0;
};

/// Reads the three files and the variables. The error names the file, the place in it, what was
/// expected and what was found.
[[nodiscard]] Result<TrainingEnvironment> ReadTrainingEnvironment(const Inputs& inputs);

/// Every variable the script gets beyond those of the process: the SM_* variables of the classic
/// and of the version-3 contract, CURRENT_HOST, SAGEMAKER_JOB_NAME, SAGEMAKER_REGION. (PYTHONPATH
/// depends on the process: training adds it.) Values are bytes; a lone surrogate \udc80–\udcff of
/// a hyperparameter is the byte it stands for in Python (surrogateescape).
Variables ToVariables(const TrainingEnvironment& environment);

/// The script's arguments in the classic contract: `--name value`, sorted.
std::vector<std::string> ToArguments(const TrainingEnvironment& environment);

}  // namespace berth::contract
