// The training job as a straight story. Each step ends it with a Failure, or goes on.
#include "training/job.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <tuple>

#include "core/descriptor.h"
#include "core/files.h"
#include "core/log.h"
#include "core/secrets.h"
#include "core/text.h"
#include "launch/hosts.h"
#include "process/held_signals.h"
#include "storage/uri.h"
#include "training/failure.h"
#include "training/framework_module.h"
#include "training/intermediate_output.h"
#include "training/limits.h"
#include "training/report.h"
#include "training/stop_relay.h"
#include "usercode/usercode.h"

namespace berth::training {
namespace {

using contract::TrainingEnvironment;
using Clock = std::chrono::steady_clock;
using process::HeldSignals;
using process::Outcome;
using process::Variables;

constexpr std::string_view kRoom = "training";
/// Enough of the end of a log for the traceback of a deep recursion.
constexpr size_t kTailBytes = size_t{64} * 1024;

/// A step's end: nothing where the job goes on.
using Step = std::optional<Failure>;

Failure ClientError(std::string message) {
  return {.type = "ClientError", .exit_code = 1, .message = std::move(message), .command = {}};
}

std::string Variable(const Variables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string() : found->second;
}

usercode::Source SourceOf(const TrainingEnvironment& environment) {
  return {.submit_directory = environment.submit_directory,
          .entry_point = environment.entry_point,
          .code_directory = environment.layout.code};
}

/// One job of one container, with what its steps share.
class Job {
 public:
  Job(const Variables& variables, const TrainingEnvironment& environment, const HeldSignals& held)
      : environment_(environment),
        held_(held),
        variables_(ScriptVariables(variables, environment)),
        grace_(SecondsOf(variables, "BERTH_GRACE_SECONDS", process::kDefaultGrace)),
        upload_grace_(SecondsOf(variables, "BERTH_UPLOAD_GRACE_SECONDS", kDefaultUploadGrace)),
        studio_local_mode_(Variable(variables, "SM_STUDIO_LOCAL_MODE")) {
    for (const auto& [name, value] : variables_) secrets_.Learn(name, value);
  }

  const Secrets& secrets() const { return secrets_; }

  Step Run() {
    Describe();
    auto output = IntermediateOutput::Start(environment_, variables_);
    if (!output) return ClientError(output.error().message());
    intermediate_output_ = *std::move(output);
    if (!environment_.framework_module.empty()) return RunFrameworkModule();

    if (auto step = RefuseLaunchers()) return step;
    if (environment_.entry_point.empty()) {
      return ClientError(
          "the job names no entry point: set the hyperparameter sagemaker_program, or the variable "
          "SAGEMAKER_PROGRAM, to the script to run, relative to its source directory "
          "(\"train.py\")");
    }
    const usercode::Source source = SourceOf(environment_);
    if (auto step = Fetch(source)) return step;
    const auto kind = usercode::Classify(source);
    if (!kind) return ClientError(kind.error().message());
    std::string python;
    if (*kind != usercode::EntryPointKind::kProgram) {
      auto found = usercode::FindPython(variables_);
      if (!found) return ClientError(found.error().message());
      python = *std::move(found);
    }
    if (auto step = Install(source, *kind, python)) return step;
    if (auto prepared = usercode::PrepareEntryPoint(source, *kind); !prepared) {
      return ClientError(prepared.error().message());
    }
    if (auto step = WaitForOtherHosts()) return step;
    return RunEntryPoint(usercode::EntryPointCommand(
        source, *kind, python, contract::ToArguments(environment_), variables_));
  }

  /// After the report: the platform reads it even if it kills us meanwhile.
  void FinishUploads() {
    if (!intermediate_output_) return;
    std::chrono::milliseconds limit = upload_grace_;
    if (stop_asked_) {
      limit = std::min(limit, std::chrono::duration_cast<std::chrono::milliseconds>(
                                  *stop_asked_ + kPlatformGrace - kOwnEnd - Clock::now()));
    }
    const auto relay = StopRelay::Start(held_, kPlatformGrace - kOwnEnd);
    intermediate_output_->Finish(std::max(limit, std::chrono::milliseconds::zero()),
                                 relay ? &(*relay)->cancellation() : nullptr);
  }

 private:
  void Describe() const {
    log::Info(kRoom, "job {} on {} (host {} of {}), {} CPU(s), {} GPU(s), {} Neuron core(s)",
              environment_.job_name.empty() ? "without a name" : Quoted(environment_.job_name),
              environment_.current_host,
              std::ranges::find(environment_.hosts, environment_.current_host) -
                  environment_.hosts.begin() + 1,
              environment_.hosts.size(), environment_.cpus, environment_.gpus,
              environment_.neurons);
    if (!log::Enabled(log::Level::kDebug)) return;
    for (const auto& [name, value] : variables_) {
      log::Debug(kRoom, "{}={}", name, secrets_.MaskValue(name, value));
    }
  }

  /// A job that asks for many processes must not train with one, and seem to succeed.
  Step RefuseLaunchers() const {
    for (const char* name : {"sagemaker_mpi_enabled", "sagemaker_torch_distributed_enabled",
                             "sagemaker_pytorch_xla_multi_worker_enabled",
                             "sagemaker_distributed_dataparallel_enabled"}) {
      const json::Value* value = environment_.framework_parameters.Find(name);
      const bool* on = value != nullptr ? value->AsBool() : nullptr;
      if (on == nullptr || !*on) continue;
      return ClientError(
          fmt::format("the hyperparameter {} asks for a distributed launcher, and "
                      "this version of berth runs one process on each host; leave it "
                      "out, or start the launcher from the entry point",
                      name));
    }
    return {};
  }

  Step Fetch(const usercode::Source& source) const {
    std::unique_ptr<StopRelay> relay;
    if (storage::IsS3(source.submit_directory)) {
      auto started = StopRelay::Start(held_, std::chrono::milliseconds::zero());
      if (!started) return ClientError(started.error().message());
      relay = *std::move(started);
    }
    const auto fetched =
        usercode::Fetch(source, {.variables = variables_,
                                 .region = environment_.region,
                                 .cancel = relay ? &relay->cancellation() : nullptr});
    if (fetched) return {};
    return Stoppable(ClientError(fetched.error().message()));
  }

  /// The failure of a step that a request to stop may have ended.
  Failure Stoppable(Failure failure) const {
    if (const int signal = held_.Pending()) failure.exit_code = 128 + signal;
    return failure;
  }

  Step Install(const usercode::Source& source, usercode::EntryPointKind kind,
               const std::string& python) {
    const auto commands = usercode::InstallCommands(source, kind, python, variables_);
    if (!commands) return ClientError(commands.error().message());
    for (const process::Command& command : *commands) {
      log::Info(kRoom, "installing: {}", secrets_.MaskCommand(command.argv));
      const auto outcome = Supervise(command);
      if (!outcome) return ClientError(outcome.error().message());
      if (outcome->ok() && outcome->stopped_by == process::StoppedBy::kNobody) continue;
      return Failure{.type = kind == usercode::EntryPointKind::kPythonPackage
                                 ? "InstallModuleError"
                                 : "InstallRequirementsError",
                     .exit_code = std::max(outcome->code(), 1),
                     .message = FailureMessage(*outcome),
                     .command = command.argv};
    }
    return {};
  }

  Step WaitForOtherHosts() const {
    if (environment_.hosts.size() < 2) return {};
    if (studio_local_mode_ == "true" || studio_local_mode_ == "True") return {};
    const auto met =
        launch::WaitForHosts(environment_.hosts, launch::kHostsDeadline, held_.descriptor());
    if (met) return {};
    return Stoppable(ClientError(met.error().message()));
  }

  Step RunEntryPoint(const process::Command& command) {
    log::Info(kRoom, "running: {}", secrets_.MaskCommand(command.argv));
    const auto outcome = Supervise(command);
    if (!outcome) return ClientError(outcome.error().message());
    if (outcome->ok()) return {};
    return Failure{.type = "ExecuteUserScriptError",
                   .exit_code = outcome->code(),
                   .message = FailureMessage(*outcome),
                   .command = command.argv};
  }

  Step RunFrameworkModule() {
    const auto module = ParseFrameworkModule(environment_.framework_module);
    if (!module) return ClientError(module.error().message());
    const auto python = usercode::FindPython(variables_);
    if (!python) return ClientError(python.error().message());
    const auto scratch = TemporaryDirectory::Make("berth");
    if (!scratch) return ClientError(scratch.error().message());
    const auto report = scratch->path() / "report";

    const process::Command command{.argv = FrameworkCommand(*python, *module, report),
                                   .variables = variables_,
                                   .directory = {}};
    log::Info(kRoom, "calling {}", environment_.framework_module);
    const auto outcome = Supervise(command);
    if (!outcome) return ClientError(outcome.error().message());
    if (outcome->ok()) return {};
    const auto told = ReadFile(report);
    // Its own words are the whole report, as the reference gives them.
    if (told && !told->empty()) {
      return Failure{.type = {}, .exit_code = outcome->code(), .message = *told, .command = {}};
    }
    return Failure{.type = "ExecuteUserScriptError",
                   .exit_code = outcome->code(),
                   .message = FailureMessage(*outcome),
                   .command = {*python, "-c", "import " + module->module, module->function}};
  }

  Result<Outcome> Supervise(const process::Command& command) {
    process::SuperviseOptions options;
    options.grace = grace_;
    options.tail_bytes = kTailBytes;
    options.child_mask = held_.mask_before();
    const Clock::time_point began = Clock::now();
    auto outcome = process::Supervise(command, options);
    // What the command left unfinished must not run into our own next line.
    if (outcome && !outcome->error_tail.empty() && outcome->error_tail.back() != '\n') {
      std::ignore = WriteAll(STDERR_FILENO, "\n", 1);
    }
    if (outcome && outcome->stopped_by == process::StoppedBy::kSignal) {
      stop_asked_ = began + outcome->stopped_after;
    }
    return outcome;
  }

  const TrainingEnvironment& environment_;
  const HeldSignals& held_;
  const Variables variables_;
  const std::chrono::milliseconds grace_;
  const std::chrono::milliseconds upload_grace_;
  const std::string studio_local_mode_;
  Secrets secrets_;
  std::unique_ptr<IntermediateOutput> intermediate_output_;
  /// When the platform asked a command to end.
  std::optional<Clock::time_point> stop_asked_;
};

}  // namespace

Result<Plan> MakePlan(const Variables& variables) {
  BERTH_ASSIGN(const TrainingEnvironment environment, ReadEnvironment(variables));
  Plan plan{.variables = ContractVariables(variables, environment),
            .arguments = contract::ToArguments(environment),
            .command = {}};
  const auto python = usercode::FindPython(variables).value_or("python3");
  if (!environment.framework_module.empty()) {
    BERTH_ASSIGN(const FrameworkModule module, ParseFrameworkModule(environment.framework_module));
    plan.command = {python, "-c",
                    fmt::format("import {0}; {0}.{1}()", module.module, module.function)};
    return plan;
  }
  if (environment.entry_point.empty()) return plan;
  usercode::Source source = SourceOf(environment);
  auto kind = usercode::Classify(source);
  if (!kind && std::filesystem::is_directory(source.submit_directory)) {
    source.code_directory = source.submit_directory;
    kind = usercode::Classify(source);
  }
  // Code that is not here yet is told by its name.
  const auto by_name = source.entry_point.ends_with(".py") ? usercode::EntryPointKind::kPythonScript
                                                           : usercode::EntryPointKind::kProgram;
  plan.command =
      usercode::EntryPointCommand(source, kind.value_or(by_name), python, plan.arguments, variables)
          .argv;
  return plan;
}

int RunJob(const Variables& variables) {
  const HeldSignals held;
  const contract::Layout layout = LayoutOf(variables);
  ClearReports(layout);

  Step failure;
  std::optional<Job> job;
  const auto environment = ReadEnvironment(variables);
  if (environment) {
    log::SetLevel(log::LevelFromNumber(environment->log_level));
    failure = job.emplace(variables, *environment, held).Run();
  } else {
    failure = ClientError(environment.error().message());
  }

  // From here on the exit code stands; neither reporting nor uploads can change it.
  int exit_code = 0;
  if (!failure) {
    ReportSuccess(layout);
    log::Info(kRoom, "the job succeeded");
  } else {
    exit_code = failure->exit_code != 0 ? failure->exit_code : 1;
    const Secrets secrets = job ? job->secrets() : Secrets();
    std::string text = FailureText(*failure, secrets);
    if (ScriptReportedFailure(layout)) {
      log::Info(kRoom, "the script reported its failure itself in \"{}\"", layout.failure);
      text = secrets.Mask(ToValidUtf8(ReadFile(layout.failure).value_or(text), kFailureLimit));
    }
    log::Error(kRoom, "the job failed with exit code {}\n{}", exit_code, text);
    ReportFailure(layout, text);
  }
  if (job) job->FinishUploads();
  TakePending(held);
  return exit_code;
}

}  // namespace berth::training
