// One run of a job: from its data to the end of its container. An interrupted job has two.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/error.h"
#include "platform/attend.h"
#include "platform/console.h"
#include "platform/job_directory.h"
#include "platform/request.h"
#include "platform/stop_signals.h"
#include "platform/teller.h"
#include "platform/training_job.h"

namespace berth::platform {

/// What all runs of a job share. Everything outlives it.
struct JobRuns {
  const JobDirectory& directory;
  const TrainingJob& job;
  const LocalOptions& options;
  Teller& teller;
  StopSignals& signals;
  Console& console;
  MetricsRecorder& metrics;
};

struct RunLimits {
  int number = 1;
  std::optional<std::chrono::seconds> max_runtime{};
  std::optional<std::chrono::seconds> interrupt_after{};
};

struct RunEnd {
  /// False where it ended before there was a container: nothing was left then.
  bool started = false;
  Attended attended{};
  /// A reason of the platform's own ("ClientError: …"), which decides over how the job ended.
  std::string failure{};
};

/// Brings the data, runs the container, completes the checkpoints. An Error is ours, not the job's.
[[nodiscard]] Result<RunEnd> RunOnce(const JobRuns& runs, const RunLimits& limits);

/// Leaves what a new instance would find: nothing of the last run but the checkpoints that are
/// elsewhere.
void ForgetRun(const JobRuns& runs);

}  // namespace berth::platform
