#include "platform/job_variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::platform {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(JobVariables, InheritTheCallerAndAddThePlatforms) {
  TrainingJob job;
  job.name = "n";
  job.environment = {{"PATH", "/job"}, {"OWN", "1"}, {"TRAINING_JOB_NAME", "other"}};
  EXPECT_THAT(JobVariables(job, {{"PATH", "/caller"}, {"HOME", "/h"}, {"VIRTUAL_ENV", "/v"}}),
              ElementsAre(Pair("AWS_REGION", "us-east-1"), Pair("HOME", "/h"), Pair("OWN", "1"),
                          Pair("PATH", "/job"),
                          Pair("TRAINING_JOB_ARN",
                               "arn:aws:sagemaker:us-east-1:000000000000:training-job/n"),
                          Pair("TRAINING_JOB_NAME", "n"), Pair("VIRTUAL_ENV", "/v")));
}

TEST(JobVariables, LeaveOutWhatBelongsToAnotherContainer) {
  const auto variables = JobVariables({}, {{"SM_HPS", "{}"},
                                           {"SAGEMAKER_BASE_DIR", "/x"},
                                           {"SMALL", "kept"},
                                           {"SAGEMAKER_PROGRAM", "x"},
                                           {"TF_CONFIG", "{}"},
                                           {"CURRENT_HOST", "h"}});
  EXPECT_EQ(variables.count("SMALL"), 1U);
  EXPECT_EQ(variables.size(), 4U);
}

TEST(JobVariables, LetTheJobSetWhatTheCallerMayNot) {
  TrainingJob job;
  job.environment = {{"SAGEMAKER_PROGRAM", "job.py"}};
  EXPECT_EQ(JobVariables(job, {{"SAGEMAKER_PROGRAM", "caller.py"}})["SAGEMAKER_PROGRAM"], "job.py");
}

TEST(Region, ComesFromTheCaller) {
  EXPECT_EQ(RegionOf({{"AWS_REGION", "a"}, {"AWS_DEFAULT_REGION", "b"}}), "a");
  EXPECT_EQ(RegionOf({{"AWS_REGION", ""}, {"AWS_DEFAULT_REGION", "b"}}), "b");
}

}  // namespace
}  // namespace berth::platform
