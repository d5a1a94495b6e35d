#include "platform/training_job.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "contract/layout.h"
#include "core/files.h"
#include "core/log.h"
#include "platform/artifacts.h"
#include "platform/attend.h"
#include "platform/container.h"
#include "platform/job_directory.h"
#include "platform/job_record.h"
#include "platform/job_variables.h"
#include "platform/prepare.h"
#include "platform/summary.h"
#include "platform/validate.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

Time Now() {
  return std::chrono::system_clock::now();
}

/// The job's story, told while it happens: in job.json and in our log.
class Teller {
 public:
  Teller(JobRecord& record, const std::string& name) : record_(record), name_(name) {}

  void Enter(Status status, std::string_view message) {
    record_.Enter(status, message, Now());
    Save();
    log::Info("local", "{}: {} ({})", name_, SecondaryName(status), message);
  }

  void Save() {
    if (auto saved = record_.Save(); !saved) {
      log::Warning("local", "{}", saved.error().message());
      complete_ = false;
    }
  }

  bool complete() const { return complete_; }

 private:
  JobRecord& record_;
  const std::string& name_;
  bool complete_ = true;
};

fs::path OutputDirectory(const TrainingJob& job, const LocalOptions& options) {
  fs::path output = options.output;
  if (output.empty()) {
    output = fs::path(job.output_path.empty() ? "berth-jobs" : job.output_path) / job.name;
  }
  return (fs::path(options.working_directory) / output).lexically_normal();
}

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

std::string FailureReason(const ContainerEnd& end, const fs::path& tree) {
  std::string text = end.start_error.empty() ? ReadFailure(tree) : end.start_error;
  if (text.empty() && end.signal != 0) {
    text = fmt::format("killed by signal {} ({})", end.signal, ::strsignal(end.signal));
  }
  if (text.empty()) text = "the job left no /opt/ml/output/failure";
  return fmt::format("AlgorithmError: {}, exit code: {}", text, end.code());
}

/// What the job did, before anything is packed: settled by its end alone.
Status Verdict(const Attended& attended) {
  if (attended.stopped == StopReason::kSignal) return Status::kStopped;
  if (attended.stopped == StopReason::kMaxRuntime) return Status::kMaxRuntimeExceeded;
  return attended.end.code() == 0 && attended.end.start_error.empty() ? Status::kCompleted
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
Result<void> Upload(Status verdict, const JobDirectory& directory, MetricsRecorder& metrics,
                    const fs::path& metrics_draft, JobRecord& record) {
  BERTH_TRY(metrics.Finish(Now()));
  const fs::path metrics_file = directory.root() / "metrics.json";
  if (::rename(metrics_draft.c_str(), metrics_file.c_str()) != 0) {
    return FailErrno("cannot write \"" + metrics_file.string() + "\"");
  }
  BERTH_TRY(Keep(PackOutput(directory.tree(), directory.root())));
  record.SetOutput(directory.root() / "output.tar.gz");
  if (verdict == Status::kFailed) return {};
  BERTH_TRY(Keep(PackModel(directory.tree(), directory.root())));
  record.SetModel(directory.root() / "model.tar.gz");
  return {};
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

/// From the claimed directory to the exit code. An Error is ours, not the job's.
Result<int> RunIn(const JobDirectory& directory, const TrainingJob& job,
                  const LocalOptions& options, JobRecord& record, Teller& teller) {
  BERTH_ASSIGN(StopSignals signals, StopSignals::Take());
  Console console(options.log_fd, DetectTerminal(options.log_fd, options.variables));

  teller.Enter(Status::kDownloading, "preparing the input data");
  BERTH_ASSIGN(ContainerSpec spec, PrepareContainer(job, directory, options));
  const fs::path metrics_draft = directory.scratch() / "metrics.json";
  BERTH_ASSIGN(MetricsRecorder metrics, MetricsRecorder::Open(job.metrics, metrics_draft.string()));
  const Descriptor log_file(
      ::open(directory.log().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!log_file) return FailErrno("cannot write \"" + directory.log().string() + "\"");

  Attended attended;
  {
    BERTH_ASSIGN(Container container, Container::Start(spec));
    SayIsolation(container, directory);
    teller.Enter(Status::kTraining, "the training is in progress");
    const AttendOptions attend{
        .job_name = job.name,
        .max_runtime = job.max_runtime,
        .stop_grace = options.stop_grace,
        .on_stop = [&](StopReason reason, int signal) {
          teller.Enter(
              Status::kStopping,
              reason == StopReason::kSignal
                  ? fmt::format("stopping after signal {} ({})", signal, ::strsignal(signal))
                  : fmt::format("stopping after {} s, the longest it may run",
                                job.max_runtime->count()));
        }};
    attended = Attend(container, console, metrics, log_file.get(), signals, attend);
  }

  // Settled before anything is written, so that a full disk cannot turn it.
  Status status = Verdict(attended);
  if (status == Status::kFailed) {
    record.SetFailure(FailureReason(attended.end, directory.tree()));
  }
  teller.Enter(Status::kUploading, "packing what the job left");
  if (auto kept = Upload(status, directory, metrics, metrics_draft, record); !kept) {
    log::Error("local", "{}", kept.error().message());
    if (status != Status::kFailed)
      record.SetFailure("InternalServerError: " + kept.error().message());
    status = Status::kFailed;
  }
  record.SetFinalMetrics(metrics.series());
  teller.Enter(status, FinalMessage(status));

  const std::string summary = Summary(record, directory.root(), metrics.series(),
                                      DetectTerminal(options.log_fd, options.variables), Now());
  // Nobody may be there to read it; all of it is on disk too.
  [[maybe_unused]] const auto shown = WriteAll(options.log_fd, summary.data(), summary.size());
  return teller.complete() ? ExitCode(status, attended) : kExitFailed;
}

int Refuse(const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) log::Error("local", "{}", problem);
  return kExitRefused;
}

}  // namespace

int RunTrainingJob(TrainingJobRequest request, const LocalOptions& options) {
  NameIfNameless(Now(), request);
  const Findings findings = Validate(request);
  for (const std::string& warning : findings.warnings) log::Warning("local", "{}", warning);
  if (!findings.problems.empty()) return Refuse(findings.problems);

  const TrainingJob job = ReadTrainingJob(request, options.working_directory);
  if (const auto problems = FileProblems(job); !problems.empty()) return Refuse(problems);

  Result<JobDirectory> directory = JobDirectory::Claim(OutputDirectory(job, options));
  if (!directory) return Refuse({directory.error().message()});

  const std::string arn = TrainingJobArn(RegionOf(options.variables), job.name);
  JobRecord record(directory->root() / "job.json", request, arn, Now());
  Teller teller(record, job.name);
  teller.Enter(Status::kStarting, fmt::format("its files go to {}", directory->root().string()));
  Result<int> code = RunIn(*directory, job, options, record, teller);
  if (code) return *code;
  record.SetFailure("InternalServerError: " + code.error().message());
  teller.Enter(Status::kFailed, code.error().message());
  return kExitFailed;
}

}  // namespace berth::platform
