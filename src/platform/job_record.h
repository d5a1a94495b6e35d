// job.json: one job as DescribeTrainingJob answers for it, on disk at every change.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/json.h"
#include "platform/metrics.h"
#include "platform/request.h"

namespace berth::platform {

/// The platform's secondary statuses, as far as they occur here.
enum class Status {
  kStarting,
  kDownloading,
  kTraining,
  kInterrupted,
  kStopping,
  kUploading,
  kCompleted,
  kFailed,
  kStopped,
  kMaxRuntimeExceeded,
};

/// "Training"; and the TrainingJobStatus that goes with it: "InProgress".
std::string_view SecondaryName(Status status);
std::string_view PrimaryName(Status status);

/// The job so far. Times are seconds since 1970 with milliseconds, as on the wire. The file keeps
/// the request's hyperparameters and environment as they are, as DescribeTrainingJob returns
/// them, so only its owner can read it.
class JobRecord {
 public:
  JobRecord(std::filesystem::path path, const TrainingJobRequest& request, std::string arn,
            Time now);

  /// Ends the present status and begins the next. A status that does not change adds nothing.
  void Enter(Status status, std::string_view message, Time now);
  void SetFailure(std::string_view reason);
  /// Where the model is: an archive, or a prefix.
  void SetModel(std::string uri);
  void SetOutput(const std::filesystem::path& archive);
  void SetFinalMetrics(const std::vector<Series>& series);

  Status status() const { return status_; }
  const std::string& failure() const { return failure_; }
  /// From Training to the end of it, or to `now`.
  std::chrono::milliseconds TrainingTime(Time now) const;

  json::Object Describe() const;
  /// Replaces the file in one step.
  [[nodiscard]] Result<void> Save() const;

 private:
  struct Transition {
    Status status;
    Time start;
    std::optional<Time> end;
    std::string message;
  };

  std::filesystem::path path_;
  json::Object request_;
  std::string arn_;
  Time created_;
  Time modified_;
  std::optional<Time> training_start_;
  std::optional<Time> training_end_;
  Status status_ = Status::kStarting;
  bool stopping_ = false;
  std::vector<Transition> transitions_;
  std::string failure_;
  std::string model_;
  std::string output_;
  json::Array final_metrics_;
};

}  // namespace berth::platform
