// The surroundings of a job, read once: files, variables, machine.
#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <system_error>

#include "contract/switches.h"
#include "core/files.h"
#include "core/log.h"
#include "core/text.h"
#include "process/machine.h"
#include "training/job.h"

namespace berth::training {
namespace {

/// No platform sends more: 100 hyperparameters of 2,500 characters, 20 channels, 5 groups.
constexpr size_t kConfigLimit = size_t{16} << 20;

/// Linux: MAX_ARG_STRLEN, 32 pages for "NAME=value" and its NUL; execve() fails beyond.
constexpr size_t kVariableLimit = size_t{32} * 4096;

contract::ConfigFile ReadConfig(const std::string& path) {
  auto bytes = ReadFile(path, kConfigLimit);
  if (!bytes && bytes.error().system_error() != 0) {
    return {path, Fail(std::strerror(bytes.error().system_error()), bytes.error().system_error())};
  }
  return {path, std::move(bytes)};
}

std::string Variable(const process::Variables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string() : found->second;
}

/// `change` gets hyperparameters.json before it is understood.
template <typename Change>
Result<contract::TrainingEnvironment> Read(const process::Variables& variables,
                                           const Change& change) {
  const contract::Layout layout = LayoutOf(variables);
  const process::Machine machine = process::ProbeMachine(variables);
  return contract::ReadTrainingEnvironment(
      {.layout = layout,
       .hyperparameters = change(ReadConfig(layout.hyperparameters_file)),
       .input_data_config = ReadConfig(layout.input_data_config_file),
       .resource_config = ReadConfig(layout.resource_config_file),
       .variables = variables,
       .cpus = machine.cpus,
       .gpus = machine.gpus,
       .neurons = machine.neurons,
       .smddprun_installed = process::FindProgram("smddprun", variables).has_value(),
       .smddpmprun_installed = process::FindProgram("smddpmprun", variables).has_value()});
}

}  // namespace

contract::Layout LayoutOf(const process::Variables& variables) {
  const std::string base = Variable(variables, "SAGEMAKER_BASE_DIR");
  if (base.empty()) return contract::Layout::Under(contract::kDefaultBase);
  std::error_code unknown;  // a working directory that is gone: nothing to be relative to
  const auto absolute = std::filesystem::absolute(base, unknown).lexically_normal();
  return contract::Layout::Under(unknown ? base : absolute.string());
}

Result<contract::TrainingEnvironment> ReadEnvironment(const process::Variables& variables) {
  return Read(variables, [](contract::ConfigFile file) { return file; });
}

Result<contract::TrainingEnvironment> ReadEnvironmentFor(const process::Variables& variables,
                                                         const std::string& launcher,
                                                         const json::Object& settings) {
  return Read(variables, [&](contract::ConfigFile file) {
    if (!file.bytes) return file;
    auto parsed = json::Parse(*file.bytes);
    json::Object* hyperparameters = parsed ? parsed->AsObject() : nullptr;
    if (hyperparameters == nullptr) return file;  // whoever reads it says what is wrong
    for (const std::string_view name : contract::DistributionSwitches()) {
      hyperparameters->Erase(name);
    }
    if (!launcher.empty()) hyperparameters->Set(launcher, true);
    for (const auto& [name, value] : settings) hyperparameters->Set(name, value);
    file.bytes = json::DumpPython(*parsed);
    return file;
  });
}

process::Variables ContractVariables(const process::Variables& variables,
                                     const contract::TrainingEnvironment& environment) {
  process::Variables added = contract::ToVariables(environment);
  std::erase_if(added, [](const auto& variable) {
    const bool too_long = variable.first.size() + variable.second.size() + 2 > kVariableLimit;
    if (too_long) {
      log::Warning("training",
                   "{} is left out: with {} bytes it is longer than the system lets a "
                   "variable be ({}); the configuration files hold all of it",
                   variable.first, variable.second.size(), kVariableLimit);
    }
    return too_long;
  });
  // Python would take an empty entry for the working directory.
  const std::string path = Variable(variables, "PYTHONPATH");
  added["PYTHONPATH"] =
      path.empty() ? environment.layout.code : environment.layout.code + ":" + path;
  return added;
}

process::Variables ScriptVariables(const process::Variables& variables,
                                   const contract::TrainingEnvironment& environment) {
  process::Variables all = ContractVariables(variables, environment);
  all.insert(variables.begin(), variables.end());
  // Python buffers what it writes to a pipe: the log would come late, and be lost with a crash.
  all.try_emplace("PYTHONUNBUFFERED", "1");
  return all;
}

}  // namespace berth::training
