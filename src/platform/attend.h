// While a job's containers run: their logs go to terminal, files and metrics; a signal, the time
// limit or the failure of one of them stops all, as the platform does.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "platform/console.h"
#include "platform/container.h"
#include "platform/errand.h"
#include "platform/metrics.h"
#include "platform/stop_signals.h"

namespace berth::platform {

enum class StopReason { kNone, kSignal, kMaxRuntime, kInterruption, kErrand, kHost };

/// A container, and where its log goes beside the terminal and the metrics.
struct Attendee {
  Container* container = nullptr;
  /// In front of its lines on the terminal, where there are several: "[algo-2] ".
  std::string name{};
  /// Gets every byte of its log; -1: there is none.
  int log_file = -1;
};

struct AttendOptions {
  /// For the status line; empty: none is shown.
  std::string job_name{};
  /// What messages call it.
  std::string_view what = "job";
  /// Reads all logs; null: nobody.
  MetricsRecorder* metrics = nullptr;
  std::optional<std::chrono::seconds> max_runtime{};
  /// The platform takes the machine back after this time.
  std::optional<std::chrono::seconds> interrupt_after{};
  /// What works beside the job. The job is stopped when one of them ends.
  std::vector<Errand*> errands{};
  /// From SIGTERM to SIGKILL.
  std::chrono::milliseconds stop_grace{};
  /// Called once, when the job is asked to stop, but for kHost.
  std::function<void(StopReason, int signal)> on_stop{};
  /// Called once, when this descriptor becomes readable or its other end is gone; -1: none.
  int notice = -1;
  std::function<void()> on_notice{};
};

struct Attended {
  /// Of each container, in their order.
  std::vector<ContainerEnd> ends{};
  /// The first that ended with a failure although nobody had asked it to stop.
  std::optional<size_t> culprit{};
  StopReason stopped = StopReason::kNone;
  int stop_signal = 0;           // where a signal stopped it
  std::string errand_failure{};  // where the end of an errand stopped it
};

/// Returns when all containers are gone and all they wrote has been passed on. The first signal,
/// the end of max_runtime or interrupt_after, the failure of a container or of an errand stops the
/// job; the grace period's end or a second signal kills it. When a container has failed, the others
/// have a second in which to hear of it and to end by themselves.
///
/// One container's log is shown byte for byte; of several, whole lines (LogLines), each with the
/// host's name in front.
Attended Attend(std::span<const Attendee> attendees, Console& console, StopSignals& signals,
                const AttendOptions& options);

/// "0:07", "12:40", "3:00:01".
std::string ElapsedText(std::chrono::seconds elapsed);

/// "name  Training 0:42  loss 0.5  accuracy 0.9": the job, and each metric's latest value.
std::string StatusLine(const std::string& job_name, std::string_view status,
                       std::chrono::seconds elapsed, const std::vector<Series>& series);

}  // namespace berth::platform
