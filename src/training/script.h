// The user's script, from where its code is to its end on all hosts of the job: what `berth train`
// and `berth entry-point` do alike. Each step ends the work with a Failure, or goes on.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "contract/training_environment.h"
#include "core/secrets.h"
#include "process/held_signals.h"
#include "process/supervisor.h"
#include "training/failure.h"
#include "usercode/usercode.h"

namespace berth::training {

/// A step's end: nothing where the work goes on.
using Step = std::optional<Failure>;

Failure ClientError(std::string message);

/// Runs commands one after the other, each to its end, with the job's grace; knows afterwards what
/// was asked of them. In the thread that made `held`.
class CommandRunner {
 public:
  using Clock = std::chrono::steady_clock;

  /// `held` must outlive it. `grace`: from a signal to SIGKILL.
  CommandRunner(const process::HeldSignals& held, std::chrono::milliseconds grace)
      : held_(held), grace_(grace) {}

  [[nodiscard]] Result<process::Outcome> Run(const process::Command& command);

  /// The failure of a step that a request to stop may have ended.
  Failure Stoppable(Failure failure) const;

  const process::HeldSignals& held() const { return held_; }
  std::chrono::milliseconds grace() const { return grace_; }

  /// When the platform asked a command to end.
  std::optional<Clock::time_point> stop_asked() const { return stop_asked_; }
  void SetStopAsked(std::optional<Clock::time_point> when) { stop_asked_ = when; }

  /// The end of what the last command wrote to stderr.
  const std::string& error_tail() const { return error_tail_; }

 private:
  const process::HeldSignals& held_;
  const std::chrono::milliseconds grace_;
  std::optional<Clock::time_point> stop_asked_;
  std::string error_tail_;
};

/// "ExecuteUserScriptError" where the command did not succeed. Says in the log what it runs.
Step RunToItsEnd(CommandRunner& runner, const process::Command& command, const Secrets& secrets);

struct ScriptOptions {
  usercode::Source source;
  /// What stands behind the script in its argv.
  std::vector<std::string> arguments;
  /// The script's whole environment.
  const process::Variables& variables;
  /// The interpreter; empty: the first on the PATH of `variables`.
  std::string python;
  /// Of S3, where `variables` name none.
  std::string region;
  const Secrets& secrets;
};

class Script {
 public:
  /// `runner`, and what `options` refers to, must outlive it.
  Script(CommandRunner& runner, ScriptOptions options)
      : runner_(runner), options_(std::move(options)) {}

  /// Brings the code into its directory.
  Step Fetch() const;

  /// Tells what the entry point is, installs it and what it requires (where `install`), and makes
  /// it ready to run.
  Step Prepare(bool install);

  /// Installs `kind`, whatever the entry point is.
  Step Install(usercode::EntryPointKind kind);

  /// Waits for the other hosts and runs the script, alone or under the launcher that `environment`
  /// asks for. After Prepare(). The Failure, if any, is known to the other hosts where met().
  Step Launch(const contract::TrainingEnvironment& environment);

  /// The other hosts of the job have heard of its end.
  bool met() const { return met_; }

 private:
  Step FindPython();
  Step WaitForOtherHosts(const contract::TrainingEnvironment& environment) const;
  Step LaunchCommand(const contract::TrainingEnvironment& environment,
                     const process::Command& command);

  CommandRunner& runner_;
  const ScriptOptions options_;
  usercode::EntryPointKind kind_ = usercode::EntryPointKind::kProgram;
  std::string python_;
  bool met_ = false;
};

/// A host that cannot take part must not be waited for: tells the others of the job's distribution,
/// where there are some. Nothing where a signal asks us to stop: they are asked as well.
void TellOthers(const contract::TrainingEnvironment& environment,
                const process::Variables& variables, const Failure& failure,
                const process::HeldSignals& held);

}  // namespace berth::training
