#include "training/distributed/rank_failure.h"

#include <fmt/format.h>

#include <csignal>

#include "training/failure.h"

namespace berth::training {
namespace {

using std::chrono::milliseconds;

/// From a traceback to the end of the rank.
constexpr milliseconds kLongestUnwinding{5'000};
/// From what else a rank says of its failure to its end.
constexpr milliseconds kLastWords{50};

}  // namespace

EventLoop::Clock::time_point FailedAt(const ranks::RankEnd& end) {
  const auto since = end.at - end.last_error_output;
  const bool explained = EndsInTraceback(end.error_tail) || MpiAbortCode(end.error_tail);
  const bool last_words =
      explained ? since < kLongestUnwinding : since < kLastWords && end.signal != SIGKILL;
  return last_words ? end.last_error_output : end.at;
}

Cause CauseOf(const ranks::RankEnd& end, bool launcher_gone, bool leads) {
  if (EndsInTraceback(end.error_tail) || MpiAbortCode(end.error_tail)) return Cause::kOwn;
  if (!end.forsaken_by.empty()) {
    if (launcher_gone) return Cause::kEnded;
    return leads ? Cause::kDoubtful : Cause::kOwn;
  }
  if (end.wrapper_killed) return launcher_gone ? Cause::kEnded : Cause::kDoubtful;
  if (end.signal == SIGKILL) return Cause::kKilled;
  return end.signal == SIGTERM ? Cause::kEnded : Cause::kOwn;
}

Ending EndingOf(const ranks::RankEnd& end, const Secrets& secrets) {
  process::Outcome outcome;
  outcome.exit_code = end.exit_code;
  outcome.signal = end.signal;
  outcome.out_of_memory = end.out_of_memory;
  outcome.start_error = end.start_error;
  outcome.error_tail = end.error_tail;
  outcome.output_tail = end.output_tail;
  if (const auto code = MpiAbortCode(end.error_tail); code && end.signal == SIGKILL) {
    // MPICH's launcher kills the rank that asked for the end of all like the others.
    outcome.signal = 0;
    outcome.exit_code = (*code & 0xff) != 0 ? *code & 0xff : 1;
  }
  std::string text = FailureMessage(outcome);
  if (!end.forsaken_by.empty()) {
    const std::string said = MostTelling(end.error_tail);
    text = fmt::format("it was ended because {}, which had started it, is gone{}{}",
                       end.forsaken_by, said.empty() ? "" : "\n", said);
  }
  // What the script wrote down for its launcher is as good as a traceback, where there is none.
  if (!end.reported.empty() && text.find("Traceback") == std::string::npos) {
    text = MostTelling(end.reported) + (text.empty() ? "" : "\n" + text);
  }
  if (text.empty()) text = fmt::format("exit code {}", outcome.code());
  return {.code = outcome.code(), .type = "ExecuteUserScriptError", .text = secrets.Mask(text)};
}

}  // namespace berth::training
