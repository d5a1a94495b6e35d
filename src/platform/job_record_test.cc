#include "platform/job_record.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace berth::platform {
namespace {

using std::chrono::milliseconds;

Time At(long long ms) {
  return Time(milliseconds(ms));
}

TrainingJobRequest Request() {
  return *ParseTrainingJobRequest(R"({"HyperParameters":{"a":"1"},"TrainingJobName":"n"})");
}

TEST(JobRecord, TellsACompletedJob) {
  JobRecord record("unused", Request(), "arn", At(1000));
  record.Enter(Status::kStarting, "s", At(1000));
  record.Enter(Status::kTraining, "t", At(2000));
  record.Enter(Status::kTraining, "again", At(2500));
  record.Enter(Status::kUploading, "u", At(5500));
  record.SetModel("file:///out/model.tar.gz");
  record.SetOutput("/out/output.tar.gz");
  Series loss("loss");
  loss.Add(0.5, At(3000));
  record.SetFinalMetrics({loss, Series("none")});
  record.Enter(Status::kCompleted, "c", At(6001));
  EXPECT_EQ(
      json::Dump(json::Value(record.Describe())),
      R"({"BillableTimeInSeconds":0,"CreationTime":1.0,)"
      R"("FinalMetricDataList":[{"MetricName":"loss","Timestamp":3.0,"Value":0.5}],)"
      R"("HyperParameters":{"a":"1"},"LastModifiedTime":6.001,)"
      R"("ModelArtifacts":{"S3ModelArtifacts":"file:///out/model.tar.gz"},)"
      R"("OutputDataConfig":{"S3OutputPath":"file:///out"},"SecondaryStatus":"Completed",)"
      R"("SecondaryStatusTransitions":[)"
      R"({"EndTime":2.0,"StartTime":1.0,"Status":"Starting","StatusMessage":"s"},)"
      R"({"EndTime":5.5,"StartTime":2.0,"Status":"Training","StatusMessage":"t"},)"
      R"({"EndTime":6.001,"StartTime":5.5,"Status":"Uploading","StatusMessage":"u"},)"
      R"({"EndTime":6.001,"StartTime":6.001,"Status":"Completed","StatusMessage":"c"}],)"
      R"("TrainingEndTime":6.001,"TrainingJobArn":"arn","TrainingJobName":"n",)"
      R"("TrainingJobStatus":"Completed","TrainingStartTime":2.0,"TrainingTimeInSeconds":4})");
}

TEST(JobRecord, NamesStatusesAsThePlatform) {
  EXPECT_EQ(PrimaryName(Status::kDownloading), "InProgress");
  EXPECT_EQ(PrimaryName(Status::kUploading), "InProgress");
  EXPECT_EQ(PrimaryName(Status::kStopping), "Stopping");
  EXPECT_EQ(PrimaryName(Status::kMaxRuntimeExceeded), "Stopped");
  EXPECT_EQ(SecondaryName(Status::kMaxRuntimeExceeded), "MaxRuntimeExceeded");
}

TEST(JobRecord, IsStoppingUntilItHasStopped) {
  JobRecord record("unused", Request(), "arn", At(0));
  record.Enter(Status::kTraining, "", At(0));
  record.Enter(Status::kStopping, "", At(1));
  record.Enter(Status::kUploading, "", At(2));
  EXPECT_EQ(*record.Describe().Find("TrainingJobStatus"), json::Value("Stopping"));
  record.Enter(Status::kStopped, "", At(3));
  EXPECT_EQ(*record.Describe().Find("TrainingJobStatus"), json::Value("Stopped"));
}

TEST(JobRecord, HasNoTrainingTimesBeforeTheTraining) {
  JobRecord record("unused", Request(), "arn", At(0));
  record.Enter(Status::kStarting, "", At(0));
  record.SetFailure("InternalServerError: x");
  record.Enter(Status::kFailed, "", At(9));
  const json::Object about = record.Describe();
  EXPECT_FALSE(about.Contains("TrainingStartTime"));
  EXPECT_FALSE(about.Contains("TrainingEndTime"));
  EXPECT_EQ(*about.Find("FailureReason"), json::Value("InternalServerError: x"));
  EXPECT_EQ(record.TrainingTime(At(9)), milliseconds(0));
}

}  // namespace
}  // namespace berth::platform
