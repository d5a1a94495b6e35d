#include "platform/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace berth::platform {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using testing::UnorderedElementsAre;

Findings Of(const std::string& text) {
  const auto request = ParseTrainingJobRequest(text);
  EXPECT_TRUE(request) << request.error().message();
  return Validate(*request);
}

/// The problems of a good request with these members on top.
std::vector<std::string> Problems(const std::string& members) {
  return Of(R"({"TrainingJobName":"n","Environment":{"SAGEMAKER_PROGRAM":"t.py"})" +
            (members.empty() ? "" : "," + members) + "}")
      .problems;
}

std::string Pairs(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":\"\"";
  }
  return "{" + text + "}";
}

std::string Repeated(const std::string& element, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += (i > 0 ? "," : "") + element;
  return "[" + text + "]";
}

std::string Quoted(size_t length) {
  return "\"" + std::string(length, 'x') + "\"";
}

TEST(Validate, AcceptsAGoodRequest) {
  EXPECT_THAT(Problems(""), IsEmpty());
}

TEST(Validate, ReportsEverythingAtOnce) {
  EXPECT_THAT(
      Of(R"({"TrainingJobName":"-x","HyperParameters":{"lr":0.1},
                     "ResourceConfig":{"InstanceCount":0},
                     "StoppingCondition":{"MaxRuntimeInSeconds":0},
                     "InputDataConfig":[{"ChannelName":"a b","DataSource":
                        {"S3DataSource":{"S3Uri":"http://bucket/key"}}}]})")
          .problems,
      UnorderedElementsAre(
          "TrainingJobName: \"-x\": may only hold letters, digits and, between them, '-'",
          "HyperParameters[\"lr\"]: must be a string, found a number: write it in quotes",
          "HyperParameters[\"sagemaker_program\"]: is missing: nothing says what to run "
          "(--entry-point FILE does)",
          "ResourceConfig.InstanceCount: must be an integer from 1 to 2147483647, found 0",
          "StoppingCondition.MaxRuntimeInSeconds: must be an integer from 1 to 2147483647, "
          "found 0",
          "InputDataConfig[0].ChannelName: \"a b\": may only hold letters, digits, '.', "
          "'-' and '_'",
          "InputDataConfig[0].DataSource.S3DataSource.S3Uri: \"http://bucket/key\": must be "
          "s3://bucket/prefix or a folder of this machine (file:///folder)"));
}

TEST(Validate, KnowsTheNamePattern) {
  for (const char* good : {"a", "A-1", "a--b", "0"}) {
    EXPECT_THAT(Of(std::string(R"({"TrainingJobName":")") + good +
                   R"(","Environment":{"SAGEMAKER_PROGRAM":"t"}})")
                    .problems,
                IsEmpty())
        << good;
  }
  for (const char* bad : {"", "-a", "a-", "a_b", "a.b", "é", "../x"}) {
    EXPECT_THAT(Of(std::string(R"({"TrainingJobName":")") + bad + R"("})").problems,
                Contains(StartsWith("TrainingJobName: ")))
        << bad;
  }
}

struct Limit {
  const char* name;
  std::string at;    // members that are just allowed
  std::string over;  // and one more
  const char* message;
};

class Limits : public testing::TestWithParam<Limit> {};

TEST_P(Limits, AreKeptToTheDigit) {
  EXPECT_THAT(Problems(GetParam().at), IsEmpty());
  EXPECT_THAT(Problems(GetParam().over), ElementsAre(GetParam().message));
}

std::string Algorithm(const std::string& members) {
  return R"("AlgorithmSpecification":{)" + members + "}";
}
std::string Metrics(size_t count) {
  return Algorithm(R"("MetricDefinitions":)" + Repeated(R"~({"Name":"m","Regex":"(.)"})~", count));
}
std::string Metric(const std::string& regex) {
  return Algorithm(R"("MetricDefinitions":[{"Name":"m","Regex":")" + regex + "\"}]");
}
std::string ManyChannels(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text += (i > 0 ? "," : "") + std::string(R"({"ChannelName":"c)") + std::to_string(i) +
            R"(","DataSource":{"S3DataSource":{"S3Uri":"/d"}}})";
  }
  return "\"InputDataConfig\":[" + text + "]";
}

INSTANTIATE_TEST_SUITE_P(
    Platform, Limits,
    testing::Values(
        Limit{"Hyperparameters", "\"HyperParameters\":" + Pairs(100),
              "\"HyperParameters\":" + Pairs(101),
              "HyperParameters: at most 100 entries, found 101"},
        Limit{"HyperparameterName", "\"HyperParameters\":{" + Quoted(256) + ":\"\"}",
              "\"HyperParameters\":{" + Quoted(257) + ":\"\"}",
              "HyperParameters[\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"
              "\"]: the name may have at most 256 characters, found 257"},
        Limit{"HyperparameterValue", "\"HyperParameters\":{\"a\":" + Quoted(2500) + "}",
              "\"HyperParameters\":{\"a\":" + Quoted(2501) + "}",
              "HyperParameters[\"a\"]: at most 2500 characters, found 2501"},
        Limit{"Channels", ManyChannels(20), ManyChannels(21),
              "InputDataConfig: at most 20 elements, found 21"},
        Limit{"Metrics", Metrics(40), Metrics(41),
              "AlgorithmSpecification.MetricDefinitions: at most 40 elements, found 41"},
        Limit{"Regex", Metric("(" + std::string(498, 'x') + ")"),
              Metric("(" + std::string(499, 'x') + ")"),
              "AlgorithmSpecification.MetricDefinitions[0].Regex: at most 500 characters, found "
              "501"},
        Limit{"EntrypointWords", Algorithm("\"ContainerEntrypoint\":" + Repeated("\"a\"", 100)),
              Algorithm("\"ContainerEntrypoint\":" + Repeated("\"a\"", 101)),
              "AlgorithmSpecification.ContainerEntrypoint: at most 100 elements, found 101"},
        Limit{"EntrypointWord", Algorithm("\"ContainerEntrypoint\":[" + Quoted(256) + "]"),
              Algorithm("\"ContainerEntrypoint\":[" + Quoted(257) + "]"),
              "AlgorithmSpecification.ContainerEntrypoint[0]: at most 256 characters, found 257"}),
    [](const auto& limit) { return limit.param.name; });

TEST(Validate, CountsCharactersNotBytes) {
  std::string value;
  for (int i = 0; i < 2500; ++i) value += "é";
  EXPECT_THAT(Problems("\"HyperParameters\":{\"a\":\"" + value + "\"}"), IsEmpty());
}

TEST(Validate, KnowsTheLimitsOfTheEnvironment) {
  const auto with = [](const std::string& environment) {
    return Of(R"({"TrainingJobName":"n","HyperParameters":{"sagemaker_program":"t"},)"
              R"("Environment":)" +
              environment + "}")
        .problems;
  };
  EXPECT_THAT(with(Pairs(100)), IsEmpty());
  EXPECT_THAT(with(Pairs(101)), ElementsAre("Environment: at most 100 entries, found 101"));
  EXPECT_THAT(with("{\"A\":" + Quoted(513) + "}"),
              ElementsAre("Environment[\"A\"]: at most 512 characters, found 513"));
  EXPECT_THAT(with("{\"1A\":\"\"}"),
              ElementsAre("Environment[\"1A\"]: a variable's name may only hold letters, digits "
                          "and '_', no digit first"));
}

TEST(Validate, RefusesMetricsThatCannotWork) {
  EXPECT_THAT(Problems(Metric("loss=(")),
              ElementsAre("AlgorithmSpecification.MetricDefinitions[0].Regex: not a regular "
                          "expression: missing ): loss=("));
  EXPECT_THAT(Problems(Metric("loss=.*")),
              ElementsAre("AlgorithmSpecification.MetricDefinitions[0].Regex: needs a group, as in "
                          "\"loss=([0-9.]+)\", that catches the number"));
  EXPECT_THAT(Problems(Metric("(?<=a)(b)")), ElementsAre(HasSubstr("RE2 has no look-around")));
}

std::string Groups(const std::string& groups) {
  return R"("ResourceConfig":{"InstanceGroups":[)" + groups + "]}";
}

TEST(Validate, TakesSeveralHosts) {
  EXPECT_THAT(Problems(R"("ResourceConfig":{"InstanceCount":128})"), IsEmpty());
  EXPECT_THAT(Problems(Groups(R"({"InstanceGroupName":"a","InstanceCount":1},
                                 {"InstanceGroupName":"b","InstanceCount":2})")),
              IsEmpty());
}

TEST(Validate, LimitsTheHosts) {
  EXPECT_THAT(Problems(R"("ResourceConfig":{"InstanceCount":129})"),
              ElementsAre("ResourceConfig.InstanceCount: this machine runs at most 128 hosts, "
                          "found 129"));
  EXPECT_THAT(Problems(Groups(R"({"InstanceGroupName":"a","InstanceCount":100},
                                 {"InstanceGroupName":"b","InstanceCount":100})")),
              ElementsAre("ResourceConfig.InstanceGroups: this machine runs at most 128 hosts, "
                          "found 200"));
}

TEST(Validate, ChecksInstanceGroups) {
  EXPECT_THAT(Problems(R"("ResourceConfig":{"InstanceCount":2,"InstanceGroups":[
                            {"InstanceGroupName":"a"},{"InstanceGroupName":"a"},
                            {"InstanceType":"t"}]})"),
              UnorderedElementsAre(
                  "ResourceConfig.InstanceCount: does not go with InstanceGroups, which say it for "
                  "each group",
                  "ResourceConfig.InstanceGroups[1].InstanceGroupName: \"a\" is the name of an "
                  "earlier group",
                  "ResourceConfig.InstanceGroups[2].InstanceGroupName: is missing"));
  EXPECT_THAT(Problems(R"("ResourceConfig":{"InstanceGroups":)" +
                       Repeated(R"({"InstanceGroupName":"a"})", 6) + "}"),
              Contains("ResourceConfig.InstanceGroups: at most 5 elements, found 6"));
}

TEST(Validate, KnowsTheGroupsThatAreNamed) {
  const auto distribution = [](const std::string& value) {
    return R"("HyperParameters":{"sagemaker_distribution_instance_groups":")" + value + "\"},";
  };
  const std::string groups = Groups(R"({"InstanceGroupName":"a"},{"InstanceGroupName":"b"})");
  const std::string place = "HyperParameters[\"sagemaker_distribution_instance_groups\"]: ";
  EXPECT_THAT(Problems(distribution(R"([\"b\"])") + groups), IsEmpty());
  EXPECT_THAT(Problems(distribution(R"([\"b\",\"c\"])") + groups),
              ElementsAre(place + "\"c\" is none of the instance groups: a, b"));
  EXPECT_THAT(Problems(distribution("b") + groups),
              ElementsAre(place + "\"b\": must be a JSON array of names of instance groups"));
  const std::string channel = R"("InputDataConfig":[{"ChannelName":"c","DataSource":
      {"S3DataSource":{"S3Uri":"s3://b/k","InstanceGroupNames":["a","x"]}}}],)";
  EXPECT_THAT(Problems(channel + groups),
              ElementsAre("InputDataConfig[0].DataSource.S3DataSource.InstanceGroupNames: \"x\" is "
                          "none of the instance groups: a, b"));
}

std::string ChannelOf(const std::string& source, const std::string& members = "") {
  return R"("InputDataConfig":[{"ChannelName":"c")" + members +
         R"(,"DataSource":{"S3DataSource":{)" + source + "}}}]";
}

TEST(Validate, TakesDataCheckpointsAndCodeInS3) {
  EXPECT_THAT(Problems(ChannelOf(R"("S3Uri":"s3://b/k")")), IsEmpty());
  EXPECT_THAT(Problems(R"("CheckpointConfig":{"S3Uri":"s3://b/k"})"), IsEmpty());
  EXPECT_THAT(Problems(R"("OutputDataConfig":{"S3OutputPath":"s3://b","CompressionType":"NONE"})"),
              IsEmpty());
  EXPECT_THAT(Problems(R"("HyperParameters":{"sagemaker_submit_directory":"s3://b/k.tar.gz",
                                             "sagemaker_program":"t"})"),
              IsEmpty());
}

TEST(Validate, NamesAnAddressThatIsNone) {
  EXPECT_THAT(Problems(ChannelOf(R"("S3Uri":"s3:///k")")),
              ElementsAre("InputDataConfig[0].DataSource.S3DataSource.S3Uri: \"s3:///k\" names no "
                          "bucket: expected s3://bucket/key"));
  EXPECT_THAT(Problems(R"("OutputDataConfig":{"S3OutputPath":"s3://"})"),
              ElementsAre(StartsWith("OutputDataConfig.S3OutputPath: ")));
}

TEST(Validate, TakesAnAugmentedManifestInPipeModeOnly) {
  const std::string source = R"("S3DataType":"AugmentedManifestFile","S3Uri":"s3://b/m")";
  EXPECT_THAT(
      Problems(ChannelOf(source)),
      UnorderedElementsAre(
          "InputDataConfig[0].DataSource.S3DataSource.S3DataType: AugmentedManifestFile needs "
          "InputMode Pipe, found File",
          "InputDataConfig[0].DataSource.S3DataSource.AttributeNames: is missing: "
          "AugmentedManifestFile needs the attributes to stream"));
  EXPECT_THAT(
      Problems(ChannelOf(source + R"(,"AttributeNames":["a-ref"])", R"(,"InputMode":"Pipe")")),
      IsEmpty());
}

TEST(Validate, HoldsShufflingToASeed) {
  const std::string source = R"("S3Uri":"s3://b/k")";
  EXPECT_THAT(Problems(ChannelOf(source, R"(,"ShuffleConfig":{})")),
              ElementsAre("InputDataConfig[0].ShuffleConfig.Seed: is missing"));
  EXPECT_THAT(
      Problems(ChannelOf(source, R"(,"ShuffleConfig":{"Seed":"7"})")),
      ElementsAre("InputDataConfig[0].ShuffleConfig.Seed: must be a whole number of 64 bits"));
  EXPECT_THAT(Problems(ChannelOf(source, R"(,"ShuffleConfig":{"Seed":9000000000})")), IsEmpty());
}

TEST(Validate, KeepsChannelsInTheirFolder) {
  for (const char* name : {"..", ".", "a/b"}) {
    EXPECT_THAT(Problems(std::string(R"("InputDataConfig":[{"ChannelName":")") + name +
                         R"(","DataSource":{"S3DataSource":{"S3Uri":"/d"}}}])"),
                ElementsAre(StartsWith("InputDataConfig[0].ChannelName: ")))
        << name;
  }
}

TEST(Validate, RefusesTwoChannelsOfOneName) {
  const std::string channel = R"({"ChannelName":"c","DataSource":{"S3DataSource":{"S3Uri":"/d"}}})";
  EXPECT_THAT(
      Problems("\"InputDataConfig\":" + Repeated(channel, 2)),
      ElementsAre("InputDataConfig[1].ChannelName: \"c\" is the name of an earlier channel"));
}

TEST(Validate, KeepsCheckpointsOffOtherFolders) {
  for (const char* place :
       {"/opt/ml", "/opt/ml/model", "/opt/ml/output/x", "/elsewhere", "here", "/opt/ml/../etc"}) {
    EXPECT_THAT(
        Problems(std::string(R"("CheckpointConfig":{"S3Uri":"/d","LocalPath":")") + place + "\"}"),
        ElementsAre(StartsWith("CheckpointConfig.LocalPath: ")))
        << place;
  }
}

TEST(Validate, RefusesNulCharacters) {
  EXPECT_THAT(Problems(R"("HyperParameters":{"a":"b\u0000c"})"),
              ElementsAre("HyperParameters.a: must not hold a NUL character"));
}

TEST(Validate, RefusesWrongShapesWithoutStumbling) {
  EXPECT_THAT(Problems(R"("HyperParameters":1,"AlgorithmSpecification":[],"InputDataConfig":{},
                          "ResourceConfig":"x","StoppingCondition":null,"CheckpointConfig":true,
                          "OutputDataConfig":1.5)"),
              testing::SizeIs(7));
  EXPECT_THAT(Problems(R"("InputDataConfig":[1,{"ChannelName":2,"DataSource":{"S3DataSource":3}}],
                          "AlgorithmSpecification":{"MetricDefinitions":[null],
                          "ContainerEntrypoint":[1]})"),
              Contains("AlgorithmSpecification.ContainerEntrypoint[0]: must be a string, found an "
                       "integer"));
}

TEST(Validate, AsksAboutUnknownMembers) {
  const Findings findings = Of(R"({"TrainingJobName":"n","HyperParameter":{},"Zebra":1,
                                   "Environment":{"SAGEMAKER_PROGRAM":"t"}})");
  EXPECT_THAT(findings.problems, IsEmpty());
  EXPECT_THAT(findings.warnings,
              ElementsAre("HyperParameter: CreateTrainingJob has no such member; did you mean "
                          "\"HyperParameters\"?",
                          "Zebra: CreateTrainingJob has no such member"));
}

}  // namespace
}  // namespace berth::platform
