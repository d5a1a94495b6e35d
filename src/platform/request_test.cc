#include "platform/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::platform {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Pair;

TrainingJobRequest Parsed(std::string_view text) {
  auto request = ParseTrainingJobRequest(text);
  EXPECT_TRUE(request) << request.error().message();
  return request ? *request : TrainingJobRequest{};
}

std::string Dumped(const TrainingJobRequest& request) {
  return json::Dump(json::Value(request.document));
}

TEST(Request, IsAnObject) {
  const auto request = ParseTrainingJobRequest("[1]");
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().message(),
            "expected an object as CreateTrainingJob takes it, found an array");
}

TEST(Request, NamesThePlaceOfASyntaxError) {
  const auto request = ParseTrainingJobRequest("{\"a\": }");
  ASSERT_FALSE(request);
  EXPECT_THAT(request.error().message(), HasSubstr("line 1"));
}

TEST(Flags, WinOverTheDocument) {
  TrainingJobRequest request = Parsed(R"({"TrainingJobName":"file","Kept":1,
      "HyperParameters":{"lr":"1","momentum":"2"},
      "StoppingCondition":{"MaxRuntimeInSeconds":5,"MaxWaitTimeInSeconds":9}})");
  const TrainingJobFlags flags{.hyperparameters = {"lr=a=b", "new="},
                               .environment = {"A=1"},
                               .max_runtime = 7,
                               .name = "flag"};
  ASSERT_EQ(ApplyFlags(flags, "/here", request), std::vector<std::string>());
  EXPECT_EQ(Dumped(request),
            R"({"Environment":{"A":"1"},"HyperParameters":{"lr":"a=b","momentum":"2","new":""},)"
            R"("Kept":1,"StoppingCondition":{"MaxRuntimeInSeconds":7,"MaxWaitTimeInSeconds":9},)"
            R"("TrainingJobName":"flag"})");
}

TEST(Flags, ReplaceAChannelOfTheSameName) {
  TrainingJobRequest request = Parsed(R"({"InputDataConfig":[
      {"ChannelName":"train","DataSource":{"S3DataSource":{"S3Uri":"s3://b/k"}}},
      {"ChannelName":"test","DataSource":{"S3DataSource":{"S3Uri":"/t"}}}]})");
  ASSERT_EQ(ApplyFlags({.channels = {"train=../data/", "more=file:///m"}}, "/here/x", request),
            std::vector<std::string>());
  const TrainingJob job = ReadTrainingJob(request, "/here/x");
  ASSERT_EQ(job.channels.size(), 3U);
  EXPECT_EQ(job.channels[0].name, "train");
  EXPECT_EQ(job.channels[0].path, "/here/data");
  EXPECT_EQ(job.channels[1].path, "/t");
  EXPECT_EQ(job.channels[2].path, "/m");
}

TEST(Flags, NameTheCodeAsTheSdkDoes) {
  TrainingJobRequest request;
  ASSERT_EQ(ApplyFlags({.source = "src", .entry_point = "sub/train.py"}, "/here", request),
            std::vector<std::string>());
  EXPECT_THAT(ReadTrainingJob(request, "/here").hyperparameters,
              ElementsAre(Pair("sagemaker_program", "\"sub/train.py\""),
                          Pair("sagemaker_submit_directory", "\"/here/src\"")));
  EXPECT_EQ(ReadTrainingJob(request, "/here").submit_directory, "/here/src");
}

TEST(Flags, MakeAnEntryPointAloneItsOwnSource) {
  TrainingJobRequest request;
  ASSERT_EQ(ApplyFlags({.entry_point = "code/train.py"}, "/here", request),
            std::vector<std::string>());
  EXPECT_THAT(ReadTrainingJob(request, "/here").hyperparameters,
              ElementsAre(Pair("sagemaker_program", "\"train.py\""),
                          Pair("sagemaker_submit_directory", "\"/here/code/train.py\"")));
}

TEST(Flags, WithoutAnEqualsSignAreNamed) {
  TrainingJobRequest request;
  EXPECT_THAT(
      ApplyFlags({.channels = {"train", "a=", "b=x", "b=y"}, .environment = {"=1"}}, "/here",
                 request),
      ElementsAre("--channel \"train\": expected NAME=PATH",
                  "--channel \"b=y\": b was given already", "--channel \"a=\": expected NAME=PATH",
                  "--env \"=1\": expected NAME=VALUE"));
}

TEST(Flags, AnEntryPointIsLookedForInTheDocumentsOwnSource) {
  TrainingJobRequest request =
      Parsed(R"({"HyperParameters":{"sagemaker_submit_directory":"\"/src\""}})");
  ASSERT_EQ(ApplyFlags({.entry_point = "other.py"}, "/here", request), std::vector<std::string>());
  EXPECT_THAT(ReadTrainingJob(request, "/").hyperparameters,
              ElementsAre(Pair("sagemaker_program", "\"other.py\""),
                          Pair("sagemaker_submit_directory", "\"/src\"")));
}

TEST(Flags, DoNotMergeIntoAnotherShape) {
  TrainingJobRequest request = Parsed(R"({"HyperParameters":[]})");
  EXPECT_THAT(ApplyFlags({.hyperparameters = {"a=1"}}, "/here", request),
              ElementsAre("HyperParameters: must be an object, found an array"));
}

TEST(Name, ComesFromTheEntryPointAndTheTime) {
  const auto time =
      std::chrono::sys_days{std::chrono::year{2026} / 1 / 31} + std::chrono::milliseconds(3723004);
  TrainingJobRequest request =
      Parsed(R"({"HyperParameters":{"sagemaker_program":"\"my_train.py\""}})");
  NameIfNameless(time, request);
  EXPECT_EQ(ReadTrainingJob(request, "/").name, "my-train-2026-01-31-01-02-03-004");

  TrainingJobRequest nameless;
  NameIfNameless(time, nameless);
  EXPECT_EQ(ReadTrainingJob(nameless, "/").name, "berth-2026-01-31-01-02-03-004");
}

TEST(Name, FitsThePlatformWhateverTheEntryPoint) {
  const std::string program = "__" + std::string(80, 'a') + "é.py";
  TrainingJobRequest request;
  ASSERT_EQ(ApplyFlags({.entry_point = program}, "/", request), std::vector<std::string>());
  NameIfNameless(std::chrono::system_clock::now(), request);
  const std::string name = ReadTrainingJob(request, "/").name;
  EXPECT_LE(name.size(), 63U);
  EXPECT_THAT(name, MatchesRegex("a+-[0-9-]+"));
}

TEST(RequestedJob, ReadsWhatThePlatformUses) {
  const TrainingJob job = ReadTrainingJob(Parsed(R"~({"TrainingJobName":"n",
      "AlgorithmSpecification":{"TrainingInputMode":"FastFile","ContainerEntrypoint":["a","b c"],
        "ContainerArguments":["d"],"MetricDefinitions":[{"Name":"m","Regex":"(.)"}]
}
, "InputDataConfig" : [ {
  "ChannelName" : "c",
  "ContentType" : "text/csv",
  "RecordWrapperType" : "RecordIO",
  "DataSource" : {"S3DataSource" : {"S3Uri" : "data", "S3DataDistributionType" : "ShardedByS3Key"}}
} ],
                      "ResourceConfig"
    : {"InstanceGroups" : [ {"InstanceGroupName" : "g", "InstanceType" : "ml.m5.large"} ]},
      "CheckpointConfig" : {"S3Uri" : "file:///keep", "LocalPath" : "/opt/ml/my/points/"},
                           "OutputDataConfig" : {"S3OutputPath" : "file:///out"},
                                                "StoppingCondition" : {"MaxRuntimeInSeconds" : 60}
})~"),
                                          "/here");
  EXPECT_THAT(job.command, ElementsAre("a", "b c", "d"));
  ASSERT_EQ(job.channels.size(), 1U);
  EXPECT_EQ(job.channels[0].path, "/here/data");
  EXPECT_EQ(job.channels[0].input_mode, "FastFile");
  EXPECT_EQ(job.channels[0].distribution, "ShardedByS3Key");
  EXPECT_EQ(job.channels[0].record_wrapper, "RecordIO");
  ASSERT_EQ(job.groups.size(), 1U);
  EXPECT_EQ(job.groups[0].name, "g");
  EXPECT_EQ(job.groups[0].instance_type, "ml.m5.large");
  // One host has all of it.
  EXPECT_FALSE(job.channels[0].sharded);
  EXPECT_EQ(job.checkpoint_path, "/keep");
  EXPECT_EQ(job.checkpoint_place, "my/points");
  EXPECT_EQ(job.output_path, "/out");
  EXPECT_EQ(job.max_runtime, std::chrono::seconds(60));
}

TEST(RequestedJob, HasThePlatformsDefaults) {
  const TrainingJob job = ReadTrainingJob({}, "/here");
  ASSERT_EQ(job.groups.size(), 1U);
  EXPECT_EQ(job.groups[0].name, "homogeneousCluster");
  EXPECT_EQ(job.groups[0].instance_type, "local");
  ASSERT_EQ(job.hosts.size(), 1U);
  EXPECT_EQ(job.hosts[0].name, "algo-1");
  EXPECT_EQ(job.checkpoint_place, "checkpoints");
  EXPECT_EQ(job.max_runtime, std::nullopt);
}

TEST(RequestedJob, HasTheHostsOfItsGroups) {
  const TrainingJob job = ReadTrainingJob(*ParseTrainingJobRequest(R"({
"ResourceConfig": {"InstanceGroups": [
  {"InstanceGroupName": "a", "InstanceType": "ml.m5.large", "InstanceCount": 1},
  {"InstanceGroupName": "b", "InstanceType": "ml.c5.large", "InstanceCount": 2}]},
"InputDataConfig": [{"ChannelName": "x", "DataSource": {"S3DataSource": {"S3Uri": "data",
  "S3DataDistributionType": "ShardedByS3Key", "InstanceGroupNames": ["b"]}}}]})"),
                                          "/here");
  ASSERT_EQ(job.hosts.size(), 3U);
  EXPECT_EQ(job.groups[job.hosts[2].group].instance_type, "ml.c5.large");
  EXPECT_THAT(job.channels[0].groups, ElementsAre("b"));
  EXPECT_TRUE(job.channels[0].sharded);
}

TEST(ApplyFlags, TheInstanceCountDoesNotGoWithInstanceGroups) {
  TrainingJobRequest request;
  EXPECT_THAT(ApplyFlags({.instance_count = 3}, "/here", request), testing::IsEmpty());
  EXPECT_EQ(ReadTrainingJob(request, "/here").hosts.size(), 3U);
  request = *ParseTrainingJobRequest(
      R"({"ResourceConfig": {"InstanceGroups": [{"InstanceGroupName": "a"}]}})");
  EXPECT_THAT(ApplyFlags({.instance_count = 3}, "/here", request),
              ElementsAre("--instance-count: the request has ResourceConfig.InstanceGroups, which "
                          "say how many hosts there are"));
}

TEST(LocalPath, KnowsFilesFromOtherSchemes) {
  EXPECT_EQ(LocalPath("file:///a/b", "/here"), "/a/b");
  EXPECT_EQ(LocalPath("file://a", "/here"), "/here/a");
  EXPECT_EQ(LocalPath("a/../b//c/", "/here"), "/here/b/c");
  EXPECT_EQ(LocalPath("/", "/here"), "/");
  EXPECT_EQ(LocalPath("s3://bucket", "/here"), std::nullopt);
}

TEST(ResolveSubmitDirectory, BeginsAtTheWorkingDirectory) {
  const auto resolved = [](const std::string& value) {
    TrainingJobRequest request{
        json::Object{{"HyperParameters", json::Object{{"sagemaker_submit_directory", value}}}}};
    ResolveSubmitDirectory("/work", request);
    return *request.document.Find("HyperParameters")
                ->AsObject()
                ->Find("sagemaker_submit_directory")
                ->AsString();
  };
  EXPECT_EQ(resolved("\"examples/digits\""), "\"/work/examples/digits\"");
  EXPECT_EQ(resolved("examples/./digits/"), "\"/work/examples/digits\"");
  EXPECT_EQ(resolved("\"file://src\""), "\"/work/src\"");
  EXPECT_EQ(resolved("\"/opt/ml/input/data/code\""), "\"/opt/ml/input/data/code\"");
  EXPECT_EQ(resolved("\"s3://b/k.tar.gz\""), "\"s3://b/k.tar.gz\"");
}

}  // namespace
}  // namespace berth::platform
