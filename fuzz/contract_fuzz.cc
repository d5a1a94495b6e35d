// The three configuration files (parted by 0xFF, which is in none of them) and two variables. No
// input crashes, and what comes out can be given to a process.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "contract/training_environment.h"
#include "core/text.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

bool HasNul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace berth;
  std::vector<std::string> parts =
      Split(std::string_view(reinterpret_cast<const char*>(data), size), '\xFF');
  parts.resize(5);
  const auto layout = contract::Layout::Under(contract::kDefaultBase);
  contract::Inputs inputs{
      .layout = layout,
      .hyperparameters = {layout.hyperparameters_file, parts[0]},
      .input_data_config = {layout.input_data_config_file, parts[1]},
      .resource_config = {layout.resource_config_file, parts[2]},
      .variables = {},
  };
  // The variables of a process hold no NUL.
  inputs.variables["SAGEMAKER_PROGRAM"] = parts[3].c_str();
  inputs.variables["SAGEMAKER_CONTAINER_LOG_LEVEL"] = parts[4].c_str();

  const auto environment = contract::ReadTrainingEnvironment(inputs);
  if (!environment) {
    Require(environment.error().message().starts_with("cannot use "));
    Require(!FirstInvalidUtf8(environment.error().message()));
    return 0;
  }
  for (const auto& [name, value] : contract::ToVariables(*environment)) {
    Require(!name.empty() && !HasNul(name) && name.find('=') == std::string::npos);
    Require(!HasNul(value));
  }
  const auto arguments = contract::ToArguments(*environment);
  Require(arguments.size() == 2 * environment->hyperparameters.size());
  for (const std::string& argument : arguments) Require(!HasNul(argument));
  for (const std::string& argument : contract::ToArgumentsV3(*environment)) {
    Require(!HasNul(argument));
  }
  return 0;
}
