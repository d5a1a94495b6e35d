#include "platform/job_variables.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace berth::platform {
namespace {

bool BelongsToAContainer(std::string_view name) {
  constexpr std::array<std::string_view, 3> kPrefixes = {"SM_", "SAGEMAKER_", "TRAINING_JOB_"};
  return name == "CURRENT_HOST" || name == "TF_CONFIG" ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace

std::string RegionOf(const std::map<std::string, std::string>& variables) {
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    const auto region = variables.find(name);
    if (region != variables.end() && !region->second.empty()) return region->second;
  }
  return "us-east-1";
}

std::string TrainingJobArn(const std::string& region, const std::string& name) {
  return "arn:aws:sagemaker:" + region + ":" + kLocalAccount + ":training-job/" + name;
}

std::map<std::string, std::string> CallersVariables(
    const std::map<std::string, std::string>& caller) {
  std::map<std::string, std::string> variables;
  for (const auto& [name, value] : caller) {
    if (!BelongsToAContainer(name)) variables.emplace(name, value);
  }
  variables["AWS_REGION"] = RegionOf(caller);
  return variables;
}

std::map<std::string, std::string> JobVariables(const TrainingJob& job,
                                                const std::map<std::string, std::string>& caller) {
  std::map<std::string, std::string> variables = CallersVariables(caller);
  for (const auto& [name, value] : job.environment) variables[name] = value;
  variables["TRAINING_JOB_NAME"] = job.name;
  variables["TRAINING_JOB_ARN"] = TrainingJobArn(RegionOf(caller), job.name);
  return variables;
}

}  // namespace berth::platform
