// `berth local train`: one training job on this machine, as the platform runs it.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "platform/request.h"

namespace berth::platform {

/// The platform's time from SIGTERM to SIGKILL.
inline constexpr std::chrono::milliseconds kStopGrace{120'000};

struct LocalOptions {
  /// The job's directory (--output). Empty: a file:// OutputDataConfig.S3OutputPath and the job's
  /// name below it, else berth-jobs/<name>.
  std::filesystem::path output{};
  /// Where relative paths begin; absolute.
  std::string working_directory{};
  /// The environment of this process: the base of the job's.
  std::map<std::string, std::string> variables{};
  /// What is run as `train` where the request names no ContainerEntrypoint.
  std::string train_program = "/proc/self/exe";
  /// Where the job's log and the summary go; live where that is a terminal. Messages of the
  /// platform itself are lines of our log, on stderr.
  int log_fd = 1;
  std::chrono::milliseconds stop_grace = kStopGrace;
  /// The first run is interrupted so long after its start, as when a spot instance is taken back,
  /// and the job starts again with its checkpoints.
  std::optional<std::chrono::seconds> interrupt_after{};
};

/// Exit codes of the command.
inline constexpr int kExitCompleted = 0;
inline constexpr int kExitFailed = 1;             // the job, or keeping what it left
inline constexpr int kExitRefused = 2;            // nothing was run: see the messages
inline constexpr int kExitMaxRuntime = 124;       // as timeout(1) has it
inline constexpr int kExitStoppedBySignal = 128;  // plus the signal: 130 after Ctrl-C

/// Runs the job to its end and leaves what it made in its directory. Blocks, handles SIGINT,
/// SIGTERM, SIGHUP and SIGQUIT meanwhile, and must be the only thread of the process. Prints all
/// that there is to say; returns the exit code.
int RunTrainingJob(TrainingJobRequest request, const LocalOptions& options);

}  // namespace berth::platform
