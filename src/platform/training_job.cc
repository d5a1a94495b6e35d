#include "platform/training_job.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "contract/layout.h"
#include "core/files.h"
#include "core/log.h"
#include "platform/artifacts.h"
#include "platform/attend.h"
#include "platform/cluster_network.h"
#include "platform/hosts.h"
#include "platform/job_data.h"
#include "platform/job_directory.h"
#include "platform/job_record.h"
#include "platform/job_run.h"
#include "platform/job_variables.h"
#include "platform/prepare.h"
#include "platform/progress.h"
#include "platform/summary.h"
#include "platform/teller.h"
#include "platform/upload_outputs.h"
#include "platform/validate.h"
#include "storage/uri.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

Time Now() {
  return std::chrono::system_clock::now();
}

fs::path OutputDirectory(const TrainingJob& job, const LocalOptions& options) {
  fs::path output = options.output;
  if (output.empty()) {
    output = fs::path(job.output_path.empty() ? "berth-jobs" : job.output_path) / job.name;
  }
  return (fs::path(options.working_directory) / output).lexically_normal();
}

/// Of the host that failed first. Where there are several it is named.
std::string FailureReason(const Attended& attended, const JobRuns& runs) {
  const size_t culprit = attended.culprit.value_or(0);
  const ContainerEnd& end = attended.ends[culprit];
  const Host& host = runs.job.hosts[culprit];
  std::string text =
      end.start_error.empty() ? ReadFailure(runs.directory.tree(host)) : end.start_error;
  if (text.empty() && end.signal != 0) {
    text = fmt::format("killed by signal {} ({})", end.signal, ::strsignal(end.signal));
  }
  if (text.empty()) text = "the job left no /opt/ml/output/failure";
  // Hosts that train together agree on one report, which says where it was.
  const auto same = [&](const Host& other) {
    return ReadFailure(runs.directory.tree(other)) == text;
  };
  const bool shared = std::ranges::count_if(runs.job.hosts, same) > 1;
  const std::string name = runs.job.hosts.size() > 1 && !shared ? host.name + ": " : "";
  return fmt::format("AlgorithmError: {}{}, exit code: {}", name, text, end.code());
}

/// What the job did, before anything is packed: settled by the end of its last run.
Status Verdict(const RunEnd& end) {
  const Attended& attended = end.attended;
  if (!end.failure.empty() || attended.culprit) return Status::kFailed;
  if (attended.stopped == StopReason::kSignal) return Status::kStopped;
  if (attended.stopped == StopReason::kMaxRuntime) return Status::kMaxRuntimeExceeded;
  return std::ranges::all_of(attended.ends, &ContainerEnd::good) ? Status::kCompleted
                                                                 : Status::kFailed;
}

std::string_view FinalMessage(Status status) {
  switch (status) {
    case Status::kCompleted:
      return "the training job ended well";
    case Status::kStopped:
      return "the training job was stopped";
    case Status::kMaxRuntimeExceeded:
      return "the training job was stopped after its longest time";
    default:
      return "the training job failed";
  }
}

Result<void> Keep(Result<std::vector<std::string>> packed) {
  if (!packed) return Fail(packed.error());
  for (const std::string& warning : *packed) log::Warning("local", "{}", warning);
  return {};
}

/// Packs what the job left. A failed job leaves no model, as on the platform.
Result<void> Pack(Status verdict, const JobRuns& runs, std::optional<size_t> culprit,
                  const fs::path& metrics_draft) {
  const fs::path& root = runs.directory.root();
  JobRecord& record = runs.teller.record();
  BERTH_TRY(runs.metrics.Finish(Now()));
  const fs::path metrics_file = root / "metrics.json";
  if (::rename(metrics_draft.c_str(), metrics_file.c_str()) != 0) {
    return FailErrno("cannot write \"" + metrics_file.string() + "\"");
  }
  const std::vector<fs::path> trees = runs.directory.trees(runs.job.hosts);
  if (trees.size() > 1) BERTH_TRY(Keep(MergeTrees(runs.job.hosts, trees, culprit)));
  BERTH_TRY(Keep(PackOutput(trees.front(), root)));
  record.SetOutput(root / "output.tar.gz");
  if (verdict == Status::kFailed) return {};
  if (runs.job.plain_model) {
    BERTH_TRY(KeepModel(trees.front(), root));
  } else {
    BERTH_TRY(Keep(PackModel(trees.front(), root)));
  }
  record.SetModel("file://" + (root / (runs.job.plain_model ? "model" : "model.tar.gz")).string());
  return {};
}

/// Brings what was packed to S3, where the request asks for that. The error is the reason of the
/// job's failure. The value is the signal that stopped it, or 0.
Result<int> Upload(Status verdict, const JobRuns& runs) {
  if (!storage::IsS3(runs.job.output_uri) && IntermediateUri(runs.job).empty()) return 0;
  const fs::path& root = runs.directory.root();
  BERTH_ASSIGN(Errand errand, Errand::Start([&](const Superior& superior) {
                 return UploadOutputs(runs.job, runs.directory, runs.options.variables, superior);
               }));
  const Followed followed = Follow(errand, runs.signals, runs.console, "Uploading");
  if (!followed.end && followed.signal != 0) {
    log::Warning("local",
                 "the upload was stopped by signal {} ({}): not all of it is in {}; what the job "
                 "left is in \"{}\"",
                 followed.signal, ::strsignal(followed.signal),
                 runs.job.output_uri.empty() ? runs.job.s3_output : runs.job.output_uri,
                 root.string());
    return followed.signal;
  }
  if (!followed.end) {
    return Fail(fmt::format("{}; what the job left is in \"{}\"", followed.end.error().message(),
                            root.string()));
  }
  SayLines(*followed.end);
  if (verdict != Status::kFailed && storage::IsS3(runs.job.output_uri))
    runs.teller.record().SetModel(ModelUri(runs.job));
  return 0;
}

int ExitCode(Status status, const Attended& attended) {
  switch (status) {
    case Status::kCompleted:
      return kExitCompleted;
    case Status::kStopped:
      return kExitStoppedBySignal + attended.stop_signal;
    case Status::kMaxRuntimeExceeded:
      return kExitMaxRuntime;
    default:
      return kExitFailed;
  }
}

/// "exit code 143", and of several hosts "exit codes 143, 0".
std::string EndsText(const std::vector<ContainerEnd>& ends) {
  std::vector<std::string> codes;
  codes.reserve(ends.size());
  for (const ContainerEnd& end : ends) codes.push_back(std::to_string(end.code()));
  return fmt::format("exit code{} {}", codes.size() == 1 ? "" : "s", NamesText(codes));
}

/// The run, and after an interruption another one.
Result<RunEnd> Run(const JobRuns& runs) {
  RunLimits limits{.max_runtime = runs.job.max_runtime,
                   .interrupt_after = runs.options.interrupt_after};
  const Time start = Now();
  BERTH_ASSIGN(RunEnd end, RunOnce(runs, limits));
  const bool interrupted = end.attended.stopped == StopReason::kInterruption;
  if (limits.interrupt_after && !interrupted) {
    log::Info("local", "the job ended before it was to be interrupted");
  }
  if (!interrupted || !end.failure.empty()) return end;

  runs.teller.Enter(Status::kInterrupted,
                    fmt::format("interrupted after {} s, as a spot instance is; its end: {}",
                                limits.interrupt_after->count(), EndsText(end.attended.ends)));
  ForgetRun(runs);
  runs.teller.Enter(Status::kStarting, "starting again with the checkpoints");
  limits.number = 2;
  limits.interrupt_after.reset();
  if (limits.max_runtime) {
    const auto used = std::chrono::duration_cast<std::chrono::seconds>(Now() - start);
    limits.max_runtime = std::max(*limits.max_runtime - used, std::chrono::seconds(1));
  }
  return RunOnce(runs, limits);
}

/// From the claimed directory to the exit code. An Error is ours, not the job's.
Result<int> RunIn(const JobDirectory& directory, const TrainingJob& job,
                  const LocalOptions& options, JobRecord& record, Teller& teller) {
  BERTH_ASSIGN(StopSignals signals, StopSignals::Take());
  Console console(options.log_fd, DetectTerminal(options.log_fd, options.variables));
  const fs::path metrics_draft = directory.scratch() / "metrics.json";
  BERTH_ASSIGN(MetricsRecorder metrics, MetricsRecorder::Open(job.metrics, metrics_draft.string()));
  const JobRuns runs{directory, job, options, teller, signals, console, metrics};
  BERTH_ASSIGN(RunEnd end, Run(runs));

  // Settled before anything is written, so that a full disk cannot turn it.
  Status status = Verdict(end);
  if (status == Status::kFailed) {
    record.SetFailure(end.failure.empty() ? FailureReason(end.attended, runs) : end.failure);
  }
  if (!end.started) {
    if (!end.failure.empty()) log::Error("local", "{}", end.failure);
    teller.Enter(status, FinalMessage(status));
    return ExitCode(status, end.attended);
  }
  teller.Enter(Status::kUploading, "packing what the job left");
  const auto fail = [&](const std::string& reason) {
    log::Error("local", "{}", reason);
    if (status != Status::kFailed) record.SetFailure(reason);
    status = Status::kFailed;
  };
  if (auto packed = Pack(status, runs, end.attended.culprit, metrics_draft); !packed) {
    fail("InternalServerError: " + packed.error().message());
  } else if (auto uploaded = Upload(status, runs); !uploaded) {
    fail(uploaded.error().message());
  } else if (*uploaded != 0 && status != Status::kFailed) {
    status = Status::kStopped;
    end.attended.stop_signal = *uploaded;
  }
  record.SetFinalMetrics(metrics.series());
  teller.Enter(status, FinalMessage(status));

  const std::string summary = Summary(record, directory.root(), job.hosts, metrics.series(),
                                      DetectTerminal(options.log_fd, options.variables), Now());
  // Nobody may be there to read it; all of it is on disk too.
  [[maybe_unused]] const auto shown = WriteAll(options.log_fd, summary.data(), summary.size());
  return teller.complete() ? ExitCode(status, end.attended) : kExitFailed;
}

int Refuse(const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) log::Error("local", "{}", problem);
  return kExitRefused;
}

}  // namespace

int RunTrainingJob(TrainingJobRequest request, const LocalOptions& options) {
  ResolveSubmitDirectory(options.working_directory, request);
  NameIfNameless(Now(), request);
  const Findings findings = Validate(request);
  for (const std::string& warning : findings.warnings) log::Warning("local", "{}", warning);
  if (!findings.problems.empty()) return Refuse(findings.problems);

  const TrainingJob job = ReadTrainingJob(request, options.working_directory);
  if (options.interrupt_after && job.checkpoint_uri.empty()) {
    return Refuse(
        {"--interrupt-after: needs a CheckpointConfig.S3Uri in the request: without one "
         "the platform starts an interrupted job from nothing"});
  }
  if (const auto problems = FileProblems(job); !problems.empty()) return Refuse(problems);
  if (job.hosts.size() > 1) {
    if (const auto possible = ClusterNetwork::Make(); !possible) {
      return Refuse({fmt::format(
          "{} hosts need namespaces of their own, and those cannot be had here ({}): ask for one "
          "host, or run this where unprivileged user and network namespaces are allowed",
          job.hosts.size(), possible.error().message())});
    }
  }

  Result<JobDirectory> directory = JobDirectory::Claim(OutputDirectory(job, options));
  if (!directory) return Refuse({directory.error().message()});

  const std::string arn = TrainingJobArn(RegionOf(options.variables), job.name);
  JobRecord record(directory->root() / "job.json", request, arn, Now());
  Teller teller(record, job.name);
  teller.Enter(Status::kStarting, fmt::format("its files go to {}", directory->root().string()));
  Result<int> code = RunIn(*directory, job, options, record, teller);
  if (code) return *code;
  const std::string reason = "InternalServerError: " + code.error().message();
  log::Error("local", "{}", reason);
  record.SetFailure(reason);
  teller.Enter(Status::kFailed, FinalMessage(Status::kFailed));
  return kExitFailed;
}

}  // namespace berth::platform
