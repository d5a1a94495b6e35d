#include "training/script.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <tuple>

#include "core/descriptor.h"
#include "core/files.h"
#include "core/log.h"
#include "launch/hosts.h"
#include "launch/launcher.h"
#include "process/machine.h"
#include "ranks/watchdog.h"
#include "storage/uri.h"
#include "training/distributed/distributed.h"
#include "usercode/stop_relay.h"

namespace berth::training {
namespace {

using contract::TrainingEnvironment;
using process::Outcome;

constexpr std::string_view kRoom = "training";
/// Enough of the end of a log for the traceback of a deep recursion.
constexpr size_t kTailBytes = size_t{64} * 1024;

/// The launcher that is none.
constexpr std::string_view kSingle = "single";

/// How long a host that cannot take part tries to tell the others so.
constexpr std::chrono::milliseconds kTellPatience{15'000};

}  // namespace

Failure ClientError(std::string message) {
  return {.type = "ClientError", .exit_code = 1, .message = std::move(message), .command = {}};
}

Result<Outcome> CommandRunner::Run(const process::Command& command) {
  process::SuperviseOptions options;
  options.grace = grace_;
  options.tail_bytes = kTailBytes;
  options.child_mask = held_.mask_before();
  const Clock::time_point began = Clock::now();
  auto outcome = process::Supervise(command, options);
  error_tail_ = outcome ? outcome->error_tail : std::string();
  // What the command left unfinished must not run into our own next line.
  if (!error_tail_.empty() && error_tail_.back() != '\n') {
    std::ignore = WriteAll(STDERR_FILENO, "\n", 1);
  }
  if (outcome && outcome->stopped_by == process::StoppedBy::kSignal) {
    stop_asked_ = began + outcome->stopped_after;
  }
  return outcome;
}

Failure CommandRunner::Stoppable(Failure failure) const {
  if (const int signal = held_.Pending()) {
    failure.exit_code = 128 + signal;
    failure.message = fmt::format("stopped by {} before the script began; {}", ::strsignal(signal),
                                  failure.message);
  }
  return failure;
}

Step RunToItsEnd(CommandRunner& runner, const process::Command& command, const Secrets& secrets) {
  log::Info(kRoom, "running: {}", secrets.MaskCommand(command.argv));
  const auto outcome = runner.Run(command);
  if (!outcome) return ClientError(outcome.error().message());
  if (outcome->ok()) return {};
  return Failure{.type = "ExecuteUserScriptError",
                 .exit_code = outcome->code(),
                 .message = FailureMessage(*outcome),
                 .command = command.argv};
}

Step Script::Fetch() const {
  const usercode::Source& source = options_.source;
  std::unique_ptr<usercode::StopRelay> relay;
  if (storage::IsS3(source.submit_directory)) {
    auto started = usercode::StopRelay::Start(runner_.held(), std::chrono::milliseconds::zero());
    if (!started) return ClientError(started.error().message());
    relay = *std::move(started);
  }
  const auto fetched =
      usercode::Fetch(source, {.variables = options_.variables,
                               .region = options_.region,
                               .cancel = relay ? &relay->cancellation() : nullptr});
  if (fetched) return {};
  return runner_.Stoppable(ClientError(fetched.error().message()));
}

Step Script::FindPython() {
  python_ = options_.python;
  if (!python_.empty()) return {};
  auto found = usercode::FindPython(options_.variables);
  if (!found) return ClientError(found.error().message());
  python_ = *std::move(found);
  return {};
}

Step Script::Prepare(bool install) {
  const auto kind = usercode::Classify(options_.source);
  if (!kind) return ClientError(kind.error().message());
  kind_ = *kind;
  if (kind_ != usercode::EntryPointKind::kProgram) {
    if (auto step = FindPython()) return step;
  }
  if (install) {
    if (auto step = Install(kind_)) return step;
  }
  if (auto prepared = usercode::PrepareEntryPoint(options_.source, kind_); !prepared) {
    return ClientError(prepared.error().message());
  }
  return {};
}

Step Script::Install(usercode::EntryPointKind kind) {
  if (python_.empty() && kind != usercode::EntryPointKind::kProgram) {
    if (auto step = FindPython()) return step;
  }
  const auto commands =
      usercode::InstallCommands(options_.source, kind, python_, options_.variables);
  if (!commands) return ClientError(commands.error().message());
  for (const process::Command& command : *commands) {
    log::Info(kRoom, "installing: {}", options_.secrets.MaskCommand(command.argv));
    const auto outcome = runner_.Run(command);
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

Step Script::WaitForOtherHosts(const TrainingEnvironment& environment) const {
  if (environment.hosts.size() < 2) return {};
  const auto local = options_.variables.find("SM_STUDIO_LOCAL_MODE");
  if (local != options_.variables.end() && (local->second == "true" || local->second == "True")) {
    return {};
  }
  const auto met =
      launch::WaitForHosts(environment.hosts, launch::kHostsDeadline, runner_.held().descriptor());
  if (met) return {};
  return runner_.Stoppable(ClientError(met.error().message()));
}

Step Script::Launch(const TrainingEnvironment& environment) {
  if (auto step = WaitForOtherHosts(environment)) return step;
  return LaunchCommand(
      environment, usercode::EntryPointCommand(options_.source, kind_, python_, options_.arguments,
                                               options_.variables));
}

Step Script::LaunchCommand(const TrainingEnvironment& environment,
                           const process::Command& command) {
  const process::Variables& variables = options_.variables;
  const auto watchdog = ranks::ReadWatchdogSettings(variables, environment.framework_parameters);
  if (!watchdog) return ClientError(watchdog.error().message());
  const auto restarts = ranks::ReadMaxRestarts(variables, environment.framework_parameters);
  if (!restarts) return ClientError(restarts.error().message());
  auto run_directory = TemporaryDirectory::Make("berth-run");
  if (!run_directory) return ClientError(run_directory.error().message());
  std::error_code unknown;
  const auto launcher = launch::ChooseLauncher(
      {.environment = environment,
       .command = command,
       .python = python_,
       .berth = std::filesystem::read_symlink("/proc/self/exe", unknown).string(),
       .run_directory = run_directory->path().string(),
       .host_name = process::HostName(),
       .root = {}});
  if (!launcher) return runner_.Stoppable(ClientError(launcher.error().message()));
  if ((*launcher)->name() == kSingle && !watchdog->any() && *restarts == 0) {
    const auto plan = (*launcher)->MakePlan({});
    if (!plan) return ClientError(plan.error().message());
    return RunToItsEnd(runner_, plan->command, options_.secrets);
  }

  const auto cluster = ClusterOf(environment, (*launcher)->hosts(), variables);
  if (!cluster) return ClientError(cluster.error().message());
  log::Info(kRoom, "running: {}", options_.secrets.MaskCommand(command.argv));
  const auto end = RunDistributed(*cluster, **launcher,
                                  {.held = runner_.held(),
                                   .secrets = options_.secrets,
                                   .watchdog = *watchdog,
                                   .max_restarts = *restarts,
                                   .grace = runner_.grace(),
                                   .tail_bytes = kTailBytes});
  if (!end) return runner_.Stoppable(ClientError(end.error().message()));
  met_ = true;
  runner_.SetStopAsked(end->stop_asked);
  if (end->ending.code == 0) return {};
  const bool ran = end->ending.type == "ExecuteUserScriptError";
  return Failure{.type = end->ending.type,
                 .exit_code = end->ending.code,
                 .message = end->ending.text,
                 .command = ran ? command.argv : std::vector<std::string>()};
}

void TellOthers(const TrainingEnvironment& environment, const process::Variables& variables,
                const Failure& failure, const process::HeldSignals& held) {
  if (held.Pending() != 0) return;
  const std::vector<std::string> hosts = launch::DistributedHosts(environment);
  if (hosts.size() < 2) return;
  const auto cluster = ClusterOf(environment, hosts, variables);
  if (!cluster) return;
  TellUnable(*cluster, {.code = failure.exit_code, .type = failure.type, .text = failure.message},
             held, kTellPatience);
}

}  // namespace berth::training
