#include "platform/job_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/files.h"
#include "core/log.h"
#include "platform/checkpoints.h"
#include "platform/cluster_network.h"
#include "platform/container.h"
#include "platform/errand.h"
#include "platform/job_data.h"
#include "platform/pipes.h"
#include "platform/prepare.h"
#include "platform/progress.h"
#include "storage/uri.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

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

/// The errands that go with a container.
struct Companions {
  std::optional<Errand> pipes{};
  std::optional<Errand> checkpoints{};
};

Result<Companions> StartCompanions(const JobRuns& runs) {
  Companions companions;
  if (storage::IsS3(runs.job.checkpoint_uri)) {
    BERTH_ASSIGN(Errand errand, Errand::Start([&](const Superior& superior) {
                   std::vector<std::string> seen_as =
                       runs.directory.seen_as(runs.job.checkpoint_place, runs.job.hosts);
                   seen_as.push_back(CheckpointFolder(runs).string());
                   return SyncCheckpoints(runs.job, CheckpointFolder(runs), std::move(seen_as),
                                          runs.options.variables, superior);
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
                                       .trees = runs.directory.trees(runs.job.hosts)},
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

/// Says how much was fetched. An errand that has failed has said so before.
void EndFastFiles(const JobRuns& runs, std::unique_ptr<Errand> errand) {
  errand->Finish();
  const Followed followed = Follow(*errand, runs.signals, runs.console, "Ending FastFile");
  if (followed.end) SayLines(*followed.end);
}

/// The last state of the checkpoints is at their place before the run is over.
void CompleteCheckpoints(const JobRuns& runs, Errand errand, RunEnd& end) {
  errand.Finish();
  const Followed followed = Follow(errand, runs.signals, runs.console, "Uploading checkpoints");
  if (followed.end) {
    SayLines(*followed.end);
  } else if (followed.signal != 0) {
    log::Warning("local",
                 "the upload of checkpoints was stopped by signal {} ({}): not all are in "
                 "{}; they are in \"{}\"",
                 followed.signal, ::strsignal(followed.signal), runs.job.checkpoint_uri,
                 CheckpointFolder(runs).string());
    if (end.attended.stopped == StopReason::kSignal) return;
    end.attended.stopped = StopReason::kSignal;
    end.attended.stop_signal = followed.signal;
  } else if (end.failure.empty()) {
    end.failure =
        fmt::format("ClientError: Checkpoint upload failed: {}; the last state is in \"{}\"",
                    followed.end.error().message(), CheckpointFolder(runs).string());
  }
}

/// All hosts, in their order.
struct Hosts {
  std::unique_ptr<ClusterNetwork> network{};  // where there are several
  std::vector<ContainerSpec> specs{};
  std::vector<Descriptor> logs{};
  std::vector<Container> containers{};
};

/// Lays down their trees; nothing runs yet.
Result<Hosts> PrepareHosts(const JobRuns& runs, const RunLimits& limits, bool mounts,
                           const FastFiles& fast_files) {
  Hosts hosts;
  if (runs.job.hosts.size() > 1) {
    BERTH_ASSIGN(ClusterNetwork network, ClusterNetwork::Make());
    hosts.network = std::make_unique<ClusterNetwork>(std::move(network));
  }
  for (size_t i = 0; i < runs.job.hosts.size(); ++i) {
    BERTH_ASSIGN(ContainerSpec spec, PrepareContainer(runs.job, i, runs.directory, runs.options,
                                                      mounts, hosts.network.get()));
    spec.devices = fast_files.devices.get();
    hosts.specs.push_back(std::move(spec));
    const fs::path path = runs.directory.log(runs.job.hosts[i], limits.number);
    hosts.logs.emplace_back(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!hosts.logs.back()) return FailErrno("cannot write \"" + path.string() + "\"");
  }
  return hosts;
}

/// Runs the containers to their end.
Result<void> RunHosts(const JobRuns& runs, const RunLimits& limits, Hosts hosts,
                      FastFiles& fast_files, Companions& companions, RunEnd& end) {
  for (const ContainerSpec& spec : hosts.specs) {
    BERTH_ASSIGN(Container container, Container::Start(spec));
    hosts.containers.push_back(std::move(container));
  }
  fast_files.devices.Close();
  end.started = true;
  if (limits.number == 1) hosts.containers.front().SayIsolation("job", "channels");
  runs.teller.Enter(Status::kTraining, "the training is in progress");
  AttendOptions attend{.job_name = runs.job.name,
                       .metrics = &runs.metrics,
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
  if (fast_files.errand) attend.errands.push_back(fast_files.errand.get());
  if (companions.pipes) attend.errands.push_back(&*companions.pipes);
  if (companions.checkpoints) attend.errands.push_back(&*companions.checkpoints);
  std::vector<Attendee> attendees;
  attendees.reserve(hosts.containers.size());
  for (size_t i = 0; i < hosts.containers.size(); ++i) {
    attendees.push_back({.container = &hosts.containers[i],
                         .name = runs.job.hosts[i].name,
                         .log_file = hosts.logs[i].get()});
  }
  end.attended = Attend(attendees, runs.console, runs.signals, attend);
  return {};
}

}  // namespace

Result<RunEnd> RunOnce(const JobRuns& runs, const RunLimits& limits) {
  RunEnd end;
  runs.teller.Enter(Status::kDownloading, "preparing the input data");
  BERTH_ASSIGN(const bool mounts, MountsFastFiles(runs));
  BERTH_ASSIGN(const bool fetched, Fetch(runs, limits.number == 1, mounts, end));
  if (!fetched) return end;
  FastFiles fast_files;
  if (mounts) {
    BERTH_ASSIGN(fast_files, StartFastFiles(runs, end));
    if (!fast_files.errand) return end;
  }
  BERTH_ASSIGN(Hosts hosts, PrepareHosts(runs, limits, mounts, fast_files));
  if (limits.number > 1) SayCheckpoints(runs);
  BERTH_ASSIGN(Companions companions, StartCompanions(runs));
  BERTH_TRY(RunHosts(runs, limits, std::move(hosts), fast_files, companions, end));
  companions.pipes.reset();
  if (fast_files.errand) EndFastFiles(runs, std::move(fast_files.errand));
  if (end.attended.stopped == StopReason::kErrand) end.failure = end.attended.errand_failure;
  if (companions.checkpoints) {
    CompleteCheckpoints(runs, *std::move(companions.checkpoints), end);
  }
  return end;
}

void ForgetRun(const JobRuns& runs) {
  for (const Host& host : runs.job.hosts) RemoveTree(runs.directory.scratch(host));
  RemoveTree(runs.directory.scratch() / "channels");
  if (storage::IsS3(runs.job.checkpoint_uri)) RemoveTree(runs.directory.checkpoints());
}

}  // namespace berth::platform
