#include "platform/job_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/files.h"
#include "core/log.h"
#include "core/text.h"
#include "platform/checkpoints.h"
#include "platform/container.h"
#include "platform/errand.h"
#include "platform/fetch_inputs.h"
#include "platform/pipes.h"
#include "platform/prepare.h"
#include "platform/progress.h"
#include "storage/uri.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

void SayIsolation(const Container& container, const JobDirectory& directory) {
  if (container.isolation() == Isolation::kMounts) {
    log::Info("local", "the job has no process namespace of its own ({})", container.obstacle());
  }
  if (container.isolation() == Isolation::kNone) {
    log::Warning(
        "local",
        "namespaces are not allowed here ({}): the job runs with SAGEMAKER_BASE_DIR={} "
        "instead of a private /opt/ml, and its channels are links that it can write through",
        container.obstacle(), directory.tree().string());
  }
}

void LogLines(const std::string& text) {
  for (const std::string& line : Split(text, '\n')) {
    if (!line.empty()) log::Info("local", "{}", line);
  }
}

fs::path CheckpointFolder(const JobRuns& runs) {
  return runs.job.checkpoint_path.empty() ? runs.directory.checkpoints()
                                          : fs::path(runs.job.checkpoint_path);
}

void SayCheckpoints(const JobRuns& runs) {
  constexpr size_t kMany = 100'000;
  const size_t count = ListFiles(CheckpointFolder(runs), kMany).size();
  log::Info("local", "the job starts again with {}{} checkpoint file{}",
            count == kMany ? "at least " : "", count, count == 1 ? "" : "s");
}

/// False where the run ends here: `end` says how.
Result<bool> Fetch(const JobRuns& runs, RunEnd& end) {
  if (!NeedsFetching(runs.job)) return true;
  const FetchOptions options{.variables = runs.options.variables,
                             .working_directory = runs.options.working_directory,
                             .channels = runs.directory.scratch() / "channels",
                             .checkpoints = runs.directory.checkpoints()};
  BERTH_ASSIGN(Errand errand, Errand::Start([&](const Superior& superior) {
                 return FetchInputs(runs.job, options, superior);
               }));
  Followed followed = Follow(std::move(errand), runs.signals, runs.console, "Downloading");
  if (followed.signal != 0) {
    end.attended.stopped = StopReason::kSignal;
    end.attended.stop_signal = followed.signal;
    return false;
  }
  if (!followed.end) {
    end.failure = followed.end.error().message();
    return false;
  }
  LogLines(*followed.end);
  return true;
}

/// The errands that go with a container.
struct Companions {
  std::optional<Errand> pipes{};
  std::optional<Errand> checkpoints{};
};

Result<Companions> StartCompanions(const JobRuns& runs) {
  Companions companions;
  if (storage::IsS3(runs.job.checkpoint_uri)) {
    BERTH_ASSIGN(Errand errand, Errand::Start([&](const Superior& superior) {
                   return SyncCheckpoints(runs.job, CheckpointFolder(runs), runs.options.variables,
                                          superior);
                 }));
    // It must watch before anything is written.
    const Errand::News news = errand.Read();
    if (news.kind == Errand::News::Kind::kFailed) return Fail(news.text);
    companions.checkpoints.emplace(std::move(errand));
  }
  const bool any_pipe = std::any_of(runs.job.channels.begin(), runs.job.channels.end(),
                                    [](const Channel& c) { return c.input_mode == "Pipe"; });
  if (any_pipe) {
    BERTH_ASSIGN(Errand errand, Errand::Start([&](const Superior& superior) {
                   return StreamPipes(runs.job,
                                      {.variables = runs.options.variables,
                                       .working_directory = runs.options.working_directory,
                                       .tree = runs.directory.tree()},
                                      superior);
                 }));
    companions.pipes.emplace(std::move(errand));
  }
  return companions;
}

std::string StopText(StopReason reason, int signal, const RunLimits& limits) {
  switch (reason) {
    case StopReason::kSignal:
      return fmt::format("stopping after signal {} ({})", signal, ::strsignal(signal));
    case StopReason::kInterruption:
      return fmt::format(
          "--interrupt-after {}: the job gets SIGTERM, as from the platform when it "
          "takes an instance back",
          limits.interrupt_after->count());
    case StopReason::kErrand:
      return "stopping because its input failed";
    default:
      return fmt::format("stopping after {} s, the longest it may run",
                         limits.max_runtime->count());
  }
}

/// The last state of the checkpoints is at their place before the run is over.
void CompleteCheckpoints(const JobRuns& runs, Errand errand, RunEnd& end) {
  errand.Finish();
  const Followed followed =
      Follow(std::move(errand), runs.signals, runs.console, "Uploading checkpoints");
  if (followed.end) {
    LogLines(*followed.end);
  } else if (end.failure.empty()) {
    end.failure = fmt::format("ClientError: Checkpoint upload failed: {}; they are in \"{}\"",
                              followed.end.error().message(), CheckpointFolder(runs).string());
  }
}

}  // namespace

Result<RunEnd> RunOnce(const JobRuns& runs, const RunLimits& limits) {
  RunEnd end;
  runs.teller.Enter(Status::kDownloading, "preparing the input data");
  BERTH_ASSIGN(const bool fetched, Fetch(runs, end));
  if (!fetched) return end;
  BERTH_ASSIGN(const ContainerSpec spec, PrepareContainer(runs.job, runs.directory, runs.options));
  if (limits.number > 1) SayCheckpoints(runs);
  const fs::path log_path = runs.directory.log(limits.number);
  const Descriptor log_file(
      ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!log_file) return FailErrno("cannot write \"" + log_path.string() + "\"");

  BERTH_ASSIGN(Companions companions, StartCompanions(runs));
  {
    BERTH_ASSIGN(Container container, Container::Start(spec));
    end.started = true;
    if (limits.number == 1) SayIsolation(container, runs.directory);
    runs.teller.Enter(Status::kTraining, "the training is in progress");
    AttendOptions attend{.job_name = runs.job.name,
                         .max_runtime = limits.max_runtime,
                         .interrupt_after = limits.interrupt_after,
                         .stop_grace = runs.options.stop_grace,
                         .on_stop = [&](StopReason reason, int signal) {
                           const std::string text = StopText(reason, signal, limits);
                           if (reason == StopReason::kInterruption) {
                             log::Info("local", "{}", text);
                           } else {
                             runs.teller.Enter(Status::kStopping, text);
                           }
                         }};
    if (companions.pipes) attend.errands.push_back(&*companions.pipes);
    if (companions.checkpoints) attend.errands.push_back(&*companions.checkpoints);
    end.attended =
        Attend(container, runs.console, runs.metrics, log_file.get(), runs.signals, attend);
  }
  companions.pipes.reset();
  if (end.attended.stopped == StopReason::kErrand) end.failure = end.attended.errand_failure;
  if (companions.checkpoints) {
    CompleteCheckpoints(runs, *std::move(companions.checkpoints), end);
  }
  return end;
}

void ForgetRun(const JobRuns& runs) {
  RemoveTree(runs.directory.tree());
  RemoveTree(runs.directory.scratch() / "channels");
  if (storage::IsS3(runs.job.checkpoint_uri)) RemoveTree(runs.directory.checkpoints());
}

}  // namespace berth::platform
