#include "contract/training_environment.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "contract/hyperparameters.h"
#include "contract/python_text.h"
#include "core/text.h"
#include "core/wtf8.h"

namespace berth::contract {
namespace {

constexpr std::string_view kLevels =
    "one of Python's logging levels (10 debug, 20 info, 30 warning, 40 error)";

/// A variable that is set but empty counts as not set.
std::optional<std::string> Variable(const Inputs& inputs, const std::string& name) {
  const auto found = inputs.variables.find(name);
  if (found == inputs.variables.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

std::string FirstOf(const Inputs& inputs, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (std::optional<std::string> value = Variable(inputs, name)) return *std::move(value);
  }
  return "";
}

std::optional<int> ToInt(std::string_view text) {
  int value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<int> ReadLogLevel(const Inputs& inputs, const Hyperparameters& hyperparameters) {
  constexpr std::string_view kName = "sagemaker_container_log_level";
  const json::Value* value = hyperparameters.reserved.Find(kName);
  if (value != nullptr && !value->IsNull()) {
    const json::Integer* integer = value->AsInteger();
    const std::optional<int> level = integer != nullptr ? ToInt(integer->digits) : std::nullopt;
    if (level) return *level;
    return FailAt(inputs.hyperparameters.path, PlaceOfHyperparameter(kName), kLevels,
                  '"' + ToValidUtf8(PythonStr(*value), 40) + '"');
  }
  const std::string text = FirstOf(inputs, {"SAGEMAKER_CONTAINER_LOG_LEVEL"});
  if (text.empty()) return 20;
  if (const std::optional<int> level = ToInt(text)) return *level;
  return Fail(fmt::format(
      "cannot use the variable SAGEMAKER_CONTAINER_LOG_LEVEL: expected {}, found \"{}\"", kLevels,
      ToValidUtf8(text, 40)));
}

std::string LessPy(std::string_view program) {
  if (program.ends_with(".py")) program.remove_suffix(3);
  return std::string(program);
}

Result<void> ReadProgram(const Inputs& inputs, const Hyperparameters& hyperparameters,
                         TrainingEnvironment& environment) {
  const json::Value* parameter = hyperparameters.reserved.Find("sagemaker_program");
  BERTH_ASSIGN(const std::optional<std::string> text,
               ReservedText(hyperparameters, "sagemaker_program", inputs.hyperparameters.path));
  if (const std::optional<std::string> variable = Variable(inputs, "SAGEMAKER_PROGRAM")) {
    environment.entry_point = *variable;
    environment.user_entry_point = DecodeFromSystem(*variable);
    environment.module_name = LessPy(*variable);
  } else {
    environment.entry_point = text.value_or("");
    if (parameter != nullptr) environment.user_entry_point = *parameter;
    environment.module_name = LessPy(text.value_or("None"));
  }
  return {};
}

Result<void> ReadReserved(const Inputs& inputs, const Hyperparameters& hyperparameters,
                          TrainingEnvironment& environment) {
  const std::string& path = inputs.hyperparameters.path;
  BERTH_TRY(ReadProgram(inputs, hyperparameters, environment));
  BERTH_ASSIGN(environment.log_level, ReadLogLevel(inputs, hyperparameters));
  BERTH_ASSIGN(std::optional<std::string> submit,
               ReservedText(hyperparameters, "sagemaker_submit_directory", path));
  environment.submit_directory = submit && !submit->empty()
                                     ? *std::move(submit)
                                     : FirstOf(inputs, {"SAGEMAKER_SUBMIT_DIRECTORY"});
  BERTH_ASSIGN(std::optional<std::string> region,
               ReservedText(hyperparameters, "sagemaker_region", path));
  environment.region =
      hyperparameters.reserved.Contains("sagemaker_region")
          ? std::move(region).value_or("")
          : FirstOf(inputs, {"AWS_REGION", "AWS_DEFAULT_REGION", "SAGEMAKER_REGION"});
  BERTH_ASSIGN(std::optional<std::string> job_name,
               ReservedText(hyperparameters, "sagemaker_job_name", path));
  environment.job_name_parameter = std::move(job_name).value_or("");
  BERTH_ASSIGN(std::optional<std::string> s3_output,
               ReservedText(hyperparameters, "sagemaker_s3_output", path));
  environment.s3_output = std::move(s3_output).value_or("");
  return {};
}

Result<std::vector<std::string>> ReadChannels(const json::Object& input_data_config,
                                              const std::string& path) {
  std::vector<std::string> channels;
  channels.reserve(input_data_config.size());
  for (const json::Object::Member* member : input_data_config.Sorted()) {
    BERTH_TRY(CheckPassable(member->first, path, "channel " + QuotedName(member->first)));
    channels.push_back(member->first);
  }
  return channels;
}

}  // namespace

Result<TrainingEnvironment> ReadTrainingEnvironment(const Inputs& inputs) {
  BERTH_ASSIGN(Hyperparameters hyperparameters, ReadHyperparameters(inputs.hyperparameters));
  BERTH_ASSIGN(json::Object resource_config, ReadObject(inputs.resource_config, "the job's hosts"));
  BERTH_ASSIGN(json::Object input_data_config,
               ReadObject(inputs.input_data_config, "the job's channels"));

  TrainingEnvironment environment;
  BERTH_ASSIGN(static_cast<Cluster&>(environment),
               ReadCluster(resource_config, inputs.resource_config.path, hyperparameters.framework,
                           inputs.hyperparameters.path));
  BERTH_TRY(ReadReserved(inputs, hyperparameters, environment));
  BERTH_ASSIGN(environment.channels,
               ReadChannels(input_data_config, inputs.input_data_config.path));

  environment.layout = inputs.layout;
  environment.framework_module = FirstOf(inputs, {"SAGEMAKER_TRAINING_MODULE"});
  environment.job_name = FirstOf(inputs, {"TRAINING_JOB_NAME"});
  environment.mp_parameters = FirstOf(inputs, {"SM_HP_MP_PARAMETERS"});
  environment.hyperparameters = std::move(hyperparameters.user);
  environment.framework_parameters = std::move(hyperparameters.framework);
  environment.resource_config = std::move(resource_config);
  environment.input_data_config = std::move(input_data_config);
  environment.cpus = inputs.cpus;
  environment.gpus = inputs.gpus;
  environment.neurons = inputs.neurons;
  environment.smddprun_installed = inputs.smddprun_installed;
  environment.smddpmprun_installed = inputs.smddpmprun_installed;
  return environment;
}

}  // namespace berth::contract
