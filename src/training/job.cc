// The training job as a straight story. Each step ends it with a Failure, or goes on.
#include "training/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

#include "core/files.h"
#include "core/log.h"
#include "core/secrets.h"
#include "core/text.h"
#include "process/held_signals.h"
#include "training/failure.h"
#include "training/framework_module.h"
#include "training/intermediate_output.h"
#include "training/limits.h"
#include "training/report.h"
#include "training/script.h"
#include "usercode/stop_relay.h"
#include "usercode/usercode.h"

namespace berth::training {
namespace {

using contract::TrainingEnvironment;
using Clock = std::chrono::steady_clock;
using process::HeldSignals;
using process::Variables;

constexpr std::string_view kRoom = "training";

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
        variables_(ScriptVariables(variables, environment)),
        runner_(held, SecondsOf(variables, "BERTH_GRACE_SECONDS", process::kDefaultGrace)),
        upload_grace_(SecondsOf(variables, "BERTH_UPLOAD_GRACE_SECONDS", kDefaultUploadGrace)) {
    for (const auto& [name, value] : variables_) secrets_.Learn(name, value);
  }

  const Secrets& secrets() const { return secrets_; }

  Step Run() {
    Describe();
    auto output = IntermediateOutput::Start(environment_, variables_);
    if (!output) return ClientError(output.error().message());
    intermediate_output_ = *std::move(output);
    if (!environment_.framework_module.empty()) return RunFrameworkModule();
    Script script(runner_, {.source = SourceOf(environment_),
                            .arguments = contract::ToArguments(environment_),
                            .variables = variables_,
                            .python = {},
                            .region = environment_.region,
                            .secrets = secrets_});
    Step failure = CheckEntryPoint();
    if (!failure) failure = script.Fetch();
    if (!failure) failure = script.Prepare(/*install=*/true);
    if (!failure) failure = script.Launch(environment_);
    if (failure && !script.met()) TellOthers(environment_, variables_, *failure, runner_.held());
    return failure;
  }

  /// After the report: the platform reads it even if it kills us meanwhile.
  void FinishUploads() {
    if (!intermediate_output_) return;
    std::chrono::milliseconds limit = upload_grace_;
    if (const auto asked = runner_.stop_asked()) {
      limit = std::min(limit, std::chrono::duration_cast<std::chrono::milliseconds>(
                                  *asked + kPlatformGrace - kOwnEnd - Clock::now()));
    }
    const auto relay = usercode::StopRelay::Start(runner_.held(), kPlatformGrace - kOwnEnd);
    intermediate_output_->Finish(std::max(limit, std::chrono::milliseconds::zero()),
                                 relay ? &(*relay)->cancellation() : nullptr);
  }

 private:
  Step CheckEntryPoint() const {
    if (!environment_.entry_point.empty()) return {};
    return ClientError(
        "the job names no entry point: set the hyperparameter sagemaker_program, or the variable "
        "SAGEMAKER_PROGRAM, to the script to run, relative to its source directory "
        "(\"train.py\")");
  }

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
    const auto outcome = runner_.Run(command);
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

  const TrainingEnvironment& environment_;
  const Variables variables_;
  CommandRunner runner_;
  const std::chrono::milliseconds upload_grace_;
  Secrets secrets_;
  std::unique_ptr<IntermediateOutput> intermediate_output_;
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
  std::error_code unknown;
  if (!kind && std::filesystem::is_directory(source.submit_directory, unknown)) {
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
  usercode::TakePending(held);
  return exit_code;
}

}  // namespace berth::training
