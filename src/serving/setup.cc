#include "serving/setup.h"

#include <dirent.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include "core/files.h"
#include "core/log.h"
#include "core/text.h"
#include "usercode/stop_relay.h"
#include "usercode/usercode.h"

namespace berth::serving {
namespace {

namespace fs = std::filesystem;

/// Enough to tell how large a model is; a folder of more files says nothing new.
constexpr size_t kMostFiles = 10'000;

Result<uint64_t> ReadModel(const std::string& model) {
  DIR* const folder = ::opendir(model.c_str());
  if (folder == nullptr) {
    return Fail(
        Error::System(errno, fmt::format("cannot read the model directory {}", Quoted(model))));
  }
  ::closedir(folder);
  uint64_t bytes = 0;
  for (const std::string& file : ListFiles(model, kMostFiles)) {
    std::error_code ignored;
    const auto size = fs::file_size(fs::path(model) / file, ignored);
    if (!ignored) bytes += size;
  }
  return bytes;
}

bool IsLocalDirectory(const std::string& place) {
  std::error_code ignored;
  return fs::is_directory(place, ignored);
}

std::string ModuleOf(const std::string& program) {
  std::string module = program;
  if (module.ends_with(".py")) module.resize(module.size() - 3);
  std::ranges::replace(module, '/', '.');
  return module;
}

/// Where SAGEMAKER_SUBMIT_DIRECTORY leads the program must be: another one of that name, of the
/// model's folder, is not what was asked for.
Result<void> CheckProgram(const contract::ServingEnvironment& environment,
                          const std::string& folder) {
  if (!environment.application.empty()) return {};
  std::string path = ModuleOf(environment.program);
  std::ranges::replace(path, '.', '/');
  std::error_code ignored;
  if (fs::exists(fs::path(folder) / (path + ".py"), ignored) ||
      fs::is_directory(fs::path(folder) / path, ignored)) {
    return {};
  }
  std::vector<std::string> names = ListFiles(folder, 10);
  for (std::string& name : names) name = Quoted(name);
  return Fail(
      fmt::format("there is no {} in {}, where SAGEMAKER_SUBMIT_DIRECTORY={} leads; it "
                  "holds {}",
                  Quoted(environment.program), Quoted(folder), environment.submit_directory,
                  names.empty() ? "nothing" : fmt::format("{}", fmt::join(names, ", "))));
}

Result<std::string> FindCode(const contract::ServingEnvironment& environment,
                             const process::Variables& variables,
                             const process::HeldSignals& held) {
  std::string in_model = environment.layout.model + "/code";
  std::string submit = environment.submit_directory;
  if (submit.starts_with("file://")) submit.erase(0, 7);
  if (submit.empty()) {
    if (IsLocalDirectory(in_model)) return in_model;
    if (IsLocalDirectory(environment.layout.code)) return environment.layout.code;
    return std::string();
  }
  // The SDK names the folder where the platform has already put the code.
  if (IsLocalDirectory(submit)) {
    BERTH_TRY(CheckProgram(environment, submit));
    return submit;
  }
  BERTH_ASSIGN(const auto relay, usercode::StopRelay::Start(held, std::chrono::milliseconds(0)));
  const auto fetched =
      usercode::Fetch({.submit_directory = submit,
                       .entry_point = environment.program,
                       .code_directory = environment.layout.code},
                      {.variables = variables, .region = {}, .cancel = &relay->cancellation()});
  if (!fetched) return Fail(fetched.error());
  BERTH_TRY(CheckProgram(environment, environment.layout.code));
  return environment.layout.code;
}

Result<void> Install(const Setup& setup, const std::string& program,
                     const process::HeldSignals& held) {
  std::error_code ignored;
  if (setup.code_directory.empty() ||
      !fs::exists(fs::path(setup.code_directory) / "requirements.txt", ignored)) {
    return {};
  }
  BERTH_ASSIGN(
      const auto commands,
      usercode::InstallCommands(
          {.submit_directory = {}, .entry_point = program, .code_directory = setup.code_directory},
          usercode::EntryPointKind::kPythonScript, setup.python, setup.variables));
  for (const process::Command& command : commands) {
    log::Info("serve", "installing: {}", ShellQuoted(command.argv));
    process::SuperviseOptions options;
    options.grace = std::chrono::seconds(5);
    options.child_mask = held.mask_before();
    BERTH_ASSIGN(const process::Outcome outcome, process::Supervise(command, options));
    if (outcome.stopped_by != process::StoppedBy::kNobody) {
      return Fail("asked to end while requirements were installed", ECANCELED);
    }
    if (!outcome.ok()) {
      return Fail(
          fmt::format("cannot install {}/requirements.txt: {} ended with {}; its own words "
                      "are above",
                      setup.code_directory, ShellQuoted(command.argv), outcome.code()));
    }
  }
  return {};
}

}  // namespace

Result<Setup> Prepare(const contract::ServingEnvironment& environment,
                      const process::Variables& variables, const process::HeldSignals& held) {
  Setup setup;
  // A WSGI application may bring its model in the image.
  if (environment.application.empty() || IsLocalDirectory(environment.layout.model)) {
    BERTH_ASSIGN(setup.model_bytes, ReadModel(environment.layout.model));
  }
  BERTH_ASSIGN(setup.python, usercode::FindPython(variables));
  BERTH_ASSIGN(setup.code_directory, FindCode(environment, variables, held));
  setup.module = ModuleOf(environment.program);
  std::error_code ignored;
  setup.start_directory = fs::current_path(ignored).string();
  setup.variables = variables;
  setup.variables.erase("BERTH_READY_FD");
  setup.variables.try_emplace("PYTHONUNBUFFERED", "1");
  if (!setup.code_directory.empty()) {
    std::string& path = setup.variables["PYTHONPATH"];
    path = path.empty() ? setup.code_directory : setup.code_directory + ":" + path;
  }
  BERTH_TRY(Install(setup, environment.program, held));
  return setup;
}

}  // namespace berth::serving
