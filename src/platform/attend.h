// While the container runs: its log goes to terminal, file and metrics; a signal or the time limit
// stops it as the platform does.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "platform/console.h"
#include "platform/container.h"
#include "platform/errand.h"
#include "platform/metrics.h"
#include "platform/stop_signals.h"

namespace berth::platform {

enum class StopReason { kNone, kSignal, kMaxRuntime, kInterruption, kErrand };

struct AttendOptions {
  std::string job_name{};
  std::optional<std::chrono::seconds> max_runtime{};
  /// The platform takes the machine back after this time.
  std::optional<std::chrono::seconds> interrupt_after{};
  /// What works beside the job. The job is stopped when one of them ends.
  std::vector<Errand*> errands{};
  /// From SIGTERM to SIGKILL.
  std::chrono::milliseconds stop_grace{};
  /// Called once, when the job is asked to stop.
  std::function<void(StopReason, int signal)> on_stop{};
};

struct Attended {
  ContainerEnd end;
  StopReason stopped = StopReason::kNone;
  int stop_signal = 0;           // where a signal stopped it
  std::string errand_failure{};  // where the end of an errand stopped it
  /// The first failure to write the log file; the job goes on without it.
  Result<void> log;
};

/// Returns when the container is gone and all it wrote has been passed on. The first signal, the
/// end of max_runtime or interrupt_after, or the failure of an errand stops the job; the grace
/// period's end or a second signal kills it.
Attended Attend(Container& container, Console& console, MetricsRecorder& metrics, int log_file,
                StopSignals& signals, const AttendOptions& options);

/// "0:07", "12:40", "3:00:01".
std::string ElapsedText(std::chrono::seconds elapsed);

/// "name  Training 0:42  loss 0.5  accuracy 0.9": the job, and each metric's latest value.
std::string StatusLine(const std::string& job_name, std::string_view status,
                       std::chrono::seconds elapsed, const std::vector<Series>& series);

}  // namespace berth::platform
