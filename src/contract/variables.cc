// The SM_* variables. Each value is made as a JSON value first: the classic rule for turning it
// into text is one function.
#include <algorithm>

#include "contract/arguments.h"
#include "contract/python_text.h"
#include "contract/training_environment.h"
#include "core/wtf8.h"

namespace berth::contract {
namespace {

using json::Array;
using json::Object;
using json::Value;

Value Texts(const std::vector<std::string>& texts) {
  return Array(texts.begin(), texts.end());
}

/// Bytes as Python's string.
Value Decoded(const std::string& bytes) {
  return DecodeFromSystem(bytes);
}

Value OrNull(const std::string& bytes) {
  return bytes.empty() ? Value() : Decoded(bytes);
}

Value GroupNames(const TrainingEnvironment& e) {
  Array names;
  for (const InstanceGroup& group : e.instance_groups) names.emplace_back(group.name);
  return names;
}

/// The groups as the file has them, by name; of two with one name the later.
Value GroupsByName(const TrainingEnvironment& e) {
  std::vector<Object::Member> groups;
  if (const Value* given = e.resource_config.Find("instance_groups")) {
    for (size_t i = 0; i < e.instance_groups.size(); ++i) {
      groups.emplace_back(e.instance_groups[i].name, (*given->AsArray())[i]);
    }
  }
  return Object::FromMembers(std::move(groups));
}

std::string ChannelPath(const TrainingEnvironment& e, const std::string& channel) {
  return PythonJoin(DecodeFromSystem(e.layout.input_data), channel);
}

Value ChannelPaths(const TrainingEnvironment& e) {
  std::vector<Object::Member> paths;
  paths.reserve(e.channels.size());
  for (const std::string& channel : e.channels) {
    paths.emplace_back(channel, ChannelPath(e, channel));
  }
  return Object::FromMembers(std::move(paths));
}

Value ModuleDirectory(const TrainingEnvironment& e) {
  return Decoded(e.submit_directory.empty() ? e.layout.code : e.submit_directory);
}

/// Whether SM_HP_MP_PARAMETERS asks for model parallelism, with the values Python's `and` gives.
Value IsModelParallel(const TrainingEnvironment& e) {
  return e.mp_parameters.empty() ? Value() : Value(e.mp_parameters != "{}");
}

Value Topology(const TrainingEnvironment& e) {
  const Value* given = e.resource_config.Find("topology");
  return given != nullptr ? *given : Value(Array());
}

class Exporter {
 public:
  /// The classic rule: SM_ and the key in capitals; text as it is, null empty, else compact JSON.
  void Classic(std::string_view key, const Value& value) {
    const std::string* text = value.AsString();
    Plain("SM_" + PythonUpper(key), value.IsNull()    ? ""
                                    : text != nullptr ? *text
                                                      : json::Dump(value));
  }

  /// Of Python's strings.
  void Plain(const std::string& name, const std::string& text) {
    PlainBytes(EncodeForSystem(name), EncodeForSystem(text));
  }

  void PlainBytes(std::string name, std::string value) {
    if (name.find('=') != std::string::npos) return;
    variables_.insert_or_assign(std::move(name), std::move(value));
  }

  /// Only where the classic contract does not have the name.
  void Added(const std::string& name, const std::string& text) {
    if (!variables_.contains(EncodeForSystem(name))) Plain(name, text);
  }

  Variables Take() { return std::move(variables_); }

 private:
  Variables variables_;
};

void ExportClassic(const TrainingEnvironment& e, Exporter& out) {
  out.Classic("hosts", Texts(e.hosts));
  out.Classic("network_interface_name", e.network_interface);
  out.Classic("hps", e.hyperparameters);
  out.Classic("user_entry_point", e.user_entry_point);
  out.Classic("framework_params", e.framework_parameters);
  out.Classic("resource_config", e.resource_config);
  out.Classic("input_data_config", e.input_data_config);
  out.Classic("output_data_dir", Decoded(e.layout.output_data));
  out.Classic("channels", Texts(e.channels));
  out.Classic("current_host", e.current_host);
  out.Classic("current_instance_type", e.current_instance_type);
  out.Classic("current_instance_group", e.current_instance_group);
  out.Classic("current_instance_group_hosts", Texts(e.current_instance_group_hosts));
  out.Classic("instance_groups", GroupNames(e));
  out.Classic("instance_groups_dict", GroupsByName(e));
  out.Classic("distribution_instance_groups", Texts(e.distribution_instance_groups));
  out.Classic("is_hetero", e.is_hetero);
  out.Classic("module_name", Decoded(e.module_name));
  out.Classic("log_level", e.log_level);
  out.Classic("framework_module", OrNull(e.framework_module));
  out.Classic("input_dir", Decoded(e.layout.input));
  out.Classic("input_config_dir", Decoded(e.layout.input_config));
  out.Classic("output_dir", Decoded(e.layout.output));
  out.Classic("num_cpus", e.cpus);
  out.Classic("num_gpus", e.gpus);
  out.Classic("num_neurons", e.neurons);
  out.Classic("model_dir", Decoded(e.layout.model));
  out.Classic("module_dir", ModuleDirectory(e));
  out.Classic("training_env", ToProperties(e));
  out.Classic("user_args", Texts(ArgumentTexts(e.hyperparameters)));
  out.Classic("output_intermediate_dir", Decoded(e.layout.output_intermediate));
  if (e.topology) out.Classic("topology", *e.topology);
  // In the order of the files: of two names that differ in case only, the later wins.
  for (const auto& [channel, about] : e.input_data_config) {
    out.Classic("channel_" + channel, ChannelPath(e, channel));
  }
  for (const auto& [name, value] : e.hyperparameters) out.Classic("hp_" + name, value);
}

/// What a torchrun or MPI driver of the version-3 SDK asks for; {} without a distribution.
Value DistributedConfig(const TrainingEnvironment& e) {
  Object config;
  if (!e.distribution_instance_groups.empty()) {
    const Value* processes = e.framework_parameters.Find("sagemaker_mpi_num_of_processes_per_host");
    config.Set("process_count_per_node", processes != nullptr ? *processes : Value());
  }
  return config;
}

void ExportV3(const TrainingEnvironment& e, Exporter& out) {
  std::vector<std::string> sorted = e.hosts;
  std::sort(sorted.begin(), sorted.end());
  out.PlainBytes("SM_INPUT_DATA_DIR", e.layout.input_data);
  out.PlainBytes("SM_OUTPUT_FAILURE", e.layout.failure);
  out.Plain("SM_MASTER_ADDR", e.master_host);
  out.Plain("SM_MASTER_PORT", "7777");
  out.Plain("SM_HOST_COUNT", std::to_string(e.hosts.size()));
  const auto rank = std::find(sorted.begin(), sorted.end(), e.current_host);
  if (rank != sorted.end()) {
    out.Plain("SM_CURRENT_HOST_RANK", std::to_string(rank - sorted.begin()));
  }
  out.PlainBytes("SM_SOURCE_DIR", e.layout.code);
  out.PlainBytes("SM_ENTRY_SCRIPT", e.entry_point);
  out.Plain("SM_DISTRIBUTED_CONFIG", json::DumpPython(DistributedConfig(e)));
  // Backwards, since the first one Added() stays and, as above, the later one wins.
  for (auto member = e.hyperparameters.end(); member != e.hyperparameters.begin();) {
    --member;
    std::string name = member->first;
    std::replace(name.begin(), name.end(), '-', '_');
    out.Added("SM_HP_" + PythonUpper(name), TextV3(member->second));
  }
}

}  // namespace

Object ToProperties(const TrainingEnvironment& e) {
  return Object::FromMembers({
      {"additional_framework_parameters", e.framework_parameters},
      {"channel_input_dirs", ChannelPaths(e)},
      {"current_host", e.current_host},
      {"current_instance_group", e.current_instance_group},
      {"current_instance_group_hosts", Texts(e.current_instance_group_hosts)},
      {"current_instance_type", e.current_instance_type},
      {"distribution_hosts", Texts(e.distribution_hosts)},
      {"distribution_instance_groups", Texts(e.distribution_instance_groups)},
      {"framework_module", OrNull(e.framework_module)},
      {"hosts", Texts(e.hosts)},
      {"hyperparameters", e.hyperparameters},
      {"input_config_dir", Decoded(e.layout.input_config)},
      {"input_data_config", e.input_data_config},
      {"input_dir", Decoded(e.layout.input)},
      {"instance_groups", GroupNames(e)},
      {"instance_groups_dict", GroupsByName(e)},
      {"is_hetero", e.is_hetero},
      {"is_master", e.is_master},
      {"is_modelparallel_enabled", IsModelParallel(e)},
      {"is_smddpmprun_installed", e.smddpmprun_installed},
      {"is_smddprun_installed", e.smddprun_installed},
      {"job_name", OrNull(e.job_name)},
      {"log_level", e.log_level},
      {"master_hostname", e.master_host},
      {"model_dir", Decoded(e.layout.model)},
      {"module_dir", ModuleDirectory(e)},
      {"module_name", Decoded(e.module_name)},
      {"network_interface_name", e.network_interface},
      {"num_cpus", e.cpus},
      {"num_gpus", e.gpus},
      {"num_neurons", e.neurons},
      {"output_data_dir", Decoded(e.layout.output_data)},
      {"output_dir", Decoded(e.layout.output)},
      {"output_intermediate_dir", Decoded(e.layout.output_intermediate)},
      {"resource_config", e.resource_config},
      {"topology", Topology(e)},
      {"user_entry_point", e.user_entry_point},
  });
}

Variables ToVariables(const TrainingEnvironment& environment) {
  Exporter out;
  ExportClassic(environment, out);
  ExportV3(environment, out);
  out.Plain("CURRENT_HOST", environment.current_host);
  out.PlainBytes("SAGEMAKER_JOB_NAME", environment.job_name_parameter);
  out.PlainBytes("SAGEMAKER_REGION", environment.region);
  return out.Take();
}

}  // namespace berth::contract
