#include "platform/job_record.h"

#include "core/files.h"

namespace berth::platform {
namespace {

using json::Array;
using json::Object;
using json::Value;

double Seconds(Time time) {
  const auto since = time.time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  return static_cast<double>(ms) / 1000;
}

long long WholeSeconds(std::chrono::milliseconds time) {
  return std::chrono::round<std::chrono::seconds>(time).count();
}

bool IsFinal(Status status) {
  return status >= Status::kCompleted;
}

}  // namespace

std::string_view SecondaryName(Status status) {
  switch (status) {
    case Status::kStarting:
      return "Starting";
    case Status::kDownloading:
      return "Downloading";
    case Status::kTraining:
      return "Training";
    case Status::kInterrupted:
      return "Interrupted";
    case Status::kStopping:
      return "Stopping";
    case Status::kUploading:
      return "Uploading";
    case Status::kCompleted:
      return "Completed";
    case Status::kFailed:
      return "Failed";
    case Status::kStopped:
      return "Stopped";
    case Status::kMaxRuntimeExceeded:
      return "MaxRuntimeExceeded";
  }
  return "Failed";
}

std::string_view PrimaryName(Status status) {
  switch (status) {
    case Status::kStopping:
    case Status::kCompleted:
    case Status::kFailed:
      return SecondaryName(status);
    case Status::kStopped:
    case Status::kMaxRuntimeExceeded:
      return "Stopped";
    default:
      return "InProgress";
  }
}

JobRecord::JobRecord(std::filesystem::path path, const TrainingJobRequest& request, std::string arn,
                     Time now)
    : path_(std::move(path)),
      request_(request.document),
      arn_(std::move(arn)),
      created_(now),
      modified_(now) {}

void JobRecord::Enter(Status status, std::string_view message, Time now) {
  modified_ = now;
  if (!transitions_.empty()) {
    if (transitions_.back().status == status) return;
    transitions_.back().end = now;
  }
  if (status == Status::kTraining && !training_start_) training_start_ = now;
  if (IsFinal(status) && training_start_) training_end_ = now;
  stopping_ = stopping_ || status == Status::kStopping;
  status_ = status;
  transitions_.push_back({status, now, std::nullopt, std::string(message)});
  if (IsFinal(status)) transitions_.back().end = now;
}

void JobRecord::SetFailure(std::string_view reason) {
  failure_ = reason;
}
void JobRecord::SetModel(std::string uri) {
  model_ = std::move(uri);
}
void JobRecord::SetOutput(const std::filesystem::path& archive) {
  output_ = "file://" + archive.parent_path().string();
}

void JobRecord::SetFinalMetrics(const std::vector<Series>& series) {
  final_metrics_.clear();
  for (const Series& metric : series) {
    if (metric.count() == 0) continue;
    final_metrics_.emplace_back(Object{{"MetricName", metric.name()},
                                       {"Value", metric.last()},
                                       {"Timestamp", Seconds(metric.last_time())}});
  }
}

std::chrono::milliseconds JobRecord::TrainingTime(Time now) const {
  if (!training_start_) return {};
  return std::chrono::duration_cast<std::chrono::milliseconds>(training_end_.value_or(now) -
                                                               *training_start_);
}

json::Object JobRecord::Describe() const {
  Object about{{"TrainingJobName", ""}};
  for (const auto& [name, value] : request_) about.Set(name, value);
  about.Set("TrainingJobArn", arn_);
  // A job that is being stopped stays so while what it left is packed.
  const bool stopping = stopping_ && status_ == Status::kUploading;
  about.Set("TrainingJobStatus", PrimaryName(stopping ? Status::kStopping : status_));
  about.Set("SecondaryStatus", SecondaryName(status_));
  if (!failure_.empty()) about.Set("FailureReason", failure_);
  if (!model_.empty()) about.Set("ModelArtifacts", Object{{"S3ModelArtifacts", model_}});
  if (!output_.empty() && !about.Contains("OutputDataConfig")) {
    about.Set("OutputDataConfig", Object{{"S3OutputPath", output_}});
  }
  about.Set("CreationTime", Seconds(created_));
  if (training_start_) about.Set("TrainingStartTime", Seconds(*training_start_));
  if (training_end_) {
    about.Set("TrainingEndTime", Seconds(*training_end_));
    about.Set("TrainingTimeInSeconds", WholeSeconds(TrainingTime(*training_end_)));
    about.Set("BillableTimeInSeconds", 0);  // nobody is billed for their own machine
  }
  about.Set("LastModifiedTime", Seconds(modified_));
  Array transitions;
  for (const Transition& transition : transitions_) {
    Object entry{{"Status", SecondaryName(transition.status)},
                 {"StartTime", Seconds(transition.start)}};
    if (transition.end) entry.Set("EndTime", Seconds(*transition.end));
    entry.Set("StatusMessage", transition.message);
    transitions.emplace_back(std::move(entry));
  }
  about.Set("SecondaryStatusTransitions", std::move(transitions));
  if (!final_metrics_.empty()) about.Set("FinalMetricDataList", final_metrics_);
  return about;
}

Result<void> JobRecord::Save() const {
  return WriteFileAtomically(path_, json::DumpPretty(Value(Describe())) + "\n", 0600);
}

}  // namespace berth::platform
