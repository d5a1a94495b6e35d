// `serve -- COMMAND`: somebody else's server under our supervision.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>

#include "core/log.h"
#include "core/text.h"
#include "process/held_signals.h"
#include "serving/serve.h"
#include "usercode/stop_relay.h"

namespace berth::serving {
namespace {

using std::chrono::milliseconds;

// As for workers (worker/pool.cc).
constexpr int kCrashLoop = 5;
constexpr std::chrono::seconds kForgetFailures{60};
constexpr milliseconds kFirstBackOff{100};
constexpr milliseconds kLongestBackOff{10'000};

/// False where it was asked to end meanwhile.
bool WaitBefore(milliseconds wait, const process::HeldSignals& held) {
  if (held.Pending() != 0) return false;
  pollfd ending{held.descriptor(), POLLIN, 0};
  ::poll(&ending, 1, static_cast<int>(wait.count()));
  return held.Pending() == 0;
}

std::string HowItEnded(const process::Outcome& outcome) {
  if (outcome.out_of_memory) return "was killed by the kernel for want of memory";
  if (outcome.signal != 0) return fmt::format("was killed by signal {}", outcome.signal);
  return fmt::format("exited with code {}", outcome.exit_code);
}

}  // namespace

int ServeCommand(const contract::ServingEnvironment& environment,
                 const process::Variables& variables, const std::vector<std::string>& words) {
  log::SetLevel(log::LevelFromNumber(environment.log_level));
  log::UseJson(environment.json_log);
  const process::HeldSignals held;
  process::Command command{.argv = words, .variables = variables, .directory = {}};
  command.variables["SAGEMAKER_BIND_TO_PORT"] = std::to_string(environment.port);
  process::SuperviseOptions options;
  options.grace = environment.drain;
  options.child_mask = held.mask_before();

  for (int failures = 0;;) {
    const auto outcome = process::Supervise(command, options);
    if (!outcome) {
      log::Error("serve", "{}", outcome.error().message());
      return kExitWorkers;
    }
    if (!outcome->start_error.empty()) {
      log::Error("serve", "{}", outcome->start_error);
      return outcome->exit_code;
    }
    if (outcome->stopped_by != process::StoppedBy::kNobody) {
      log::Info("serve", "{} was asked to end, and {}", ShellQuoted(words.front()),
                HowItEnded(*outcome));
      // What it was told to die of is no failure.
      return outcome->signal == outcome->stop_signal || outcome->ok() ? kExitServed
                                                                      : outcome->code();
    }
    if (outcome->ok()) {
      log::Info("serve", "{} ended by itself, with exit code 0: so does serve",
                ShellQuoted(words.front()));
      return kExitServed;
    }
    failures = outcome->elapsed > kForgetFailures ? 1 : failures + 1;
    if (failures >= kCrashLoop) {
      log::Error("serve", "cannot serve: {} ends again and again; the last time it {}",
                 ShellQuoted(words.front()), HowItEnded(*outcome));
      return outcome->code();
    }
    const auto wait = std::min(kFirstBackOff * (1 << (failures - 1)), kLongestBackOff);
    log::Error("serve", "{} {}; it is started again in {} ms", ShellQuoted(words.front()),
               HowItEnded(*outcome), wait.count());
    if (!WaitBefore(wait, held)) {
      usercode::TakePending(held);
      return kExitServed;
    }
  }
}

}  // namespace berth::serving
