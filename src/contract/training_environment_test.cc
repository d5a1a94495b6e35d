#include "contract/training_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/test_inputs.h"

namespace berth::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kHyperparameters[] = "/opt/ml/input/config/hyperparameters.json";
constexpr char kResources[] = "/opt/ml/input/config/resourceconfig.json";

TEST(TrainingEnvironmentTest, TheSmallestJobHasTheReferencesDefaults) {
  const TrainingEnvironment environment = Environment(TestInputs());
  EXPECT_EQ(environment.current_host, "algo-1");
  EXPECT_EQ(environment.current_instance_type, "local");
  EXPECT_EQ(environment.current_instance_group, "homogeneousCluster");
  EXPECT_EQ(environment.network_interface, "eth0");
  EXPECT_EQ(environment.master_host, "algo-1");
  EXPECT_TRUE(environment.is_master);
  EXPECT_FALSE(environment.is_hetero);
  EXPECT_EQ(environment.entry_point, "");
  EXPECT_EQ(environment.module_name, "None");
  EXPECT_EQ(environment.log_level, 20);
  EXPECT_THAT(environment.distribution_hosts, ElementsAre("algo-1"));
}

TEST(TrainingEnvironmentTest, HyperparametersAreDecodedAndParted) {
  const TrainingEnvironment environment = Environment(WithHyperparameters(R"({
    "lr": "1e-7", "name": "plain text", "quoted": "\"text\"", "list": "[1, {\"b\": null}]",
    "already": [1], "sagemaker_program": "\"sub/train.py\"", "sagemaker_job_name": "job",
    "sagemaker_mpi_enabled": "true", "sagemaker_region": "eu-west-1", "_tuning_objective_metric": "m",
    "default_user_module_name": "d", "sagemaker_s3_output": "s3://b/p",
    "sagemaker_submit_directory": "\"s3://b/code.tar.gz\"", "sagemaker_container_log_level": "10",
    "sagemaker_enable_cloudwatch_metrics": "false", "zero": "007"})"));
  EXPECT_EQ(json::DumpPython(environment.hyperparameters),
            R"({"lr": 1e-07, "name": "plain text", "quoted": "text", "list": [1, {"b": null}], )"
            R"("already": [1], "zero": "007"})");
  EXPECT_EQ(json::DumpPython(environment.framework_parameters),
            R"({"sagemaker_mpi_enabled": true})");
  EXPECT_EQ(environment.entry_point, "sub/train.py");
  EXPECT_EQ(environment.module_name, "sub/train");
  EXPECT_EQ(environment.job_name_parameter, "job");
  EXPECT_EQ(environment.region, "eu-west-1");
  EXPECT_EQ(environment.s3_output, "s3://b/p");
  EXPECT_EQ(environment.submit_directory, "s3://b/code.tar.gz");
  EXPECT_EQ(environment.log_level, 10);
}

TEST(TrainingEnvironmentTest, AnIntegerTooLongForPythonStaysText) {
  const std::string digits(4301, '7');
  const TrainingEnvironment environment =
      Environment(WithHyperparameters(R"({"n": ")" + digits + "\"}"));
  EXPECT_EQ(*environment.hyperparameters.Find("n")->AsString(), digits);
}

TEST(TrainingEnvironmentTest, VariablesAndHyperparametersHaveTheirOrder) {
  Inputs inputs = WithHyperparameters(
      R"({"sagemaker_program": "a.py", "sagemaker_submit_directory": "/hp",
          "sagemaker_container_log_level": "30"})");
  inputs.variables = {
      {"SAGEMAKER_PROGRAM", "b.py"},           {"SAGEMAKER_SUBMIT_DIRECTORY", "/variable"},
      {"SAGEMAKER_CONTAINER_LOG_LEVEL", "40"}, {"SAGEMAKER_TRAINING_MODULE", "pkg.mod:main"},
      {"TRAINING_JOB_NAME", "job-7"},          {"AWS_REGION", "eu-central-1"},
      {"SAGEMAKER_REGION", "us-east-1"}};
  TrainingEnvironment environment = Environment(inputs);
  EXPECT_EQ(environment.entry_point, "b.py");
  EXPECT_EQ(environment.submit_directory, "/hp");
  EXPECT_EQ(environment.log_level, 30);
  EXPECT_EQ(environment.framework_module, "pkg.mod:main");
  EXPECT_EQ(environment.job_name, "job-7");
  EXPECT_EQ(environment.region, "eu-central-1");

  inputs.hyperparameters.bytes = std::string("{}");
  inputs.variables.erase("AWS_REGION");
  environment = Environment(inputs);
  EXPECT_EQ(environment.submit_directory, "/variable");
  EXPECT_EQ(environment.log_level, 40);
  EXPECT_EQ(environment.region, "us-east-1");
}

TEST(TrainingEnvironmentTest, AnEmptyVariableCountsAsNotSet) {
  Inputs inputs = WithHyperparameters(R"({"sagemaker_program": "a.py"})");
  inputs.variables = {{"SAGEMAKER_PROGRAM", ""}, {"SAGEMAKER_CONTAINER_LOG_LEVEL", ""}};
  EXPECT_EQ(Environment(inputs).module_name, "a");
  EXPECT_EQ(Environment(inputs).log_level, 20);
}

constexpr char kTwoGroups[] = R"({
  "current_host": "algo-2", "current_group_name": "cpu", "current_instance_type": "ml.c5.xlarge",
  "hosts": ["algo-1", "algo-2", "algo-3"], "network_interface_name": "eth1", "new_key": [1],
  "instance_groups": [
    {"instance_group_name": "gpu", "instance_type": "ml.p3.2xlarge", "hosts": ["algo-1"]},
    {"instance_group_name": "cpu", "instance_type": "ml.c5.xlarge", "hosts": ["algo-2", "algo-3"]}]})";

TEST(TrainingEnvironmentTest, AHeterogeneousClusterHasGroups) {
  const TrainingEnvironment environment = Environment(WithResources(kTwoGroups));
  EXPECT_TRUE(environment.is_hetero);
  EXPECT_EQ(environment.current_instance_group, "cpu");
  EXPECT_THAT(environment.current_instance_group_hosts, ElementsAre("algo-2", "algo-3"));
  EXPECT_THAT(environment.distribution_instance_groups, IsEmpty());
  EXPECT_THAT(environment.distribution_hosts, IsEmpty());
  EXPECT_EQ(environment.master_host, "algo-1");
  EXPECT_EQ(environment.network_interface, "eth1");
  EXPECT_TRUE(environment.resource_config.Contains("new_key"));
  ASSERT_EQ(environment.instance_groups.size(), 2u);
  EXPECT_EQ(environment.instance_groups[0].instance_type, "ml.p3.2xlarge");
}

TEST(TrainingEnvironmentTest, EveryDistributionSwitchTakesTheCurrentGroup) {
  for (const char* name :
       {"sagemaker_mpi_enabled", "sagemaker_parameter_server_enabled",
        "sagemaker_distributed_dataparallel_enabled", "sagemaker_pytorch_ddp_enabled",
        "sagemaker_pytorch_xla_multi_worker_enabled",
        "sagemaker_multi_worker_mirrored_strategy_enabled",
        "sagemaker_torch_distributed_enabled"}) {
    Inputs inputs = WithResources(kTwoGroups);
    inputs.hyperparameters.bytes = std::string("{\"") + name + R"(": "true"})";
    EXPECT_THAT(Environment(inputs).distribution_instance_groups, ElementsAre("cpu")) << name;
    EXPECT_EQ(Environment(inputs).master_host, "algo-2") << name;
    EXPECT_TRUE(Environment(inputs).is_master) << name;
    inputs.hyperparameters.bytes = std::string("{\"") + name + R"(": "false"})";
    EXPECT_THAT(Environment(inputs).distribution_instance_groups, IsEmpty()) << name;
  }
}

TEST(TrainingEnvironmentTest, NamedDistributionGroupsWin) {
  Inputs inputs = WithResources(kTwoGroups);
  inputs.hyperparameters.bytes = std::string(
      R"({"sagemaker_mpi_enabled": "true", "sagemaker_distribution_instance_groups": "[\"gpu\"]"})");
  EXPECT_THAT(Environment(inputs).distribution_hosts, ElementsAre("algo-1"));
  EXPECT_FALSE(Environment(inputs).is_master);
}

TEST(TrainingEnvironmentTest, AMissingFileIsNamedWithWhatItShouldHold) {
  Inputs inputs = TestInputs();
  inputs.hyperparameters.bytes = Fail("No such file or directory", ENOENT);
  EXPECT_EQ(ErrorOf(inputs), "cannot read \"" + std::string(kHyperparameters) +
                                 "\": No such file or directory (expected the job's "
                                 "hyperparameters as a JSON object)");
  inputs = TestInputs();
  inputs.resource_config.bytes =
      Fail(Error::System(ENOENT, "cannot open \"" + std::string(kResources) + '"'));
  EXPECT_EQ(ErrorOf(inputs), "cannot open \"" + std::string(kResources) +
                                 "\": No such file or directory (expected the job's hosts as a "
                                 "JSON object)");
}

TEST(TrainingEnvironmentTest, AFileThatIsNotAJsonObjectIsNamedWithThePlace) {
  const std::string cannot = "cannot use \"" + std::string(kHyperparameters) + "\": ";
  EXPECT_EQ(ErrorOf(WithHyperparameters("")),
            cannot +
                "line 1, column 1: expected the job's hyperparameters as a JSON object, found "
                "an empty file");
  EXPECT_EQ(ErrorOf(WithHyperparameters(" \n")),
            cannot +
                "line 1, column 1: expected the job's hyperparameters as a JSON object, found "
                "nothing but white space");
  EXPECT_EQ(ErrorOf(WithHyperparameters("{\n\"a\": }")),
            cannot + "line 2, column 6: expected a value, found \"}\"");
  EXPECT_EQ(ErrorOf(WithHyperparameters("[1]")),
            cannot + "line 1: expected the job's hyperparameters as a JSON object, found an array");
  EXPECT_EQ(ErrorOf(WithHyperparameters("{\"\xE9\": 1}")),
            cannot + "line 1, column 3: expected UTF-8 text, found the byte 0xe9");
}

TEST(TrainingEnvironmentTest, AWrongShapeIsNamedWithThePlace) {
  const std::string cannot = "cannot use \"" + std::string(kResources) + "\": ";
  EXPECT_EQ(ErrorOf(WithResources("{}")),
            cannot + "hosts: expected an array of strings, found nothing");
  EXPECT_EQ(ErrorOf(WithResources(R"({"hosts": "algo-1"})")),
            cannot + "hosts: expected an array of strings, found a string");
  EXPECT_EQ(ErrorOf(WithResources(R"({"hosts": ["a", 1]})")),
            cannot + "hosts[1]: expected a string, found an integer");
  EXPECT_EQ(ErrorOf(WithResources(R"({"hosts": []})")),
            cannot + "hosts: expected at least one host, found an empty array");
  EXPECT_EQ(ErrorOf(WithResources(R"({"hosts": ["a"]})")),
            cannot + "current_host: expected a string, found nothing");
  EXPECT_EQ(ErrorOf(WithResources(R"({"hosts": ["a"], "current_host": null})")),
            cannot + "current_host: expected a string, found null");
  EXPECT_EQ(ErrorOf(WithResources(R"({"hosts":["a"],"current_host":"a","instance_groups":{}})")),
            cannot + "instance_groups: expected an array, found an object");
  EXPECT_EQ(ErrorOf(WithResources(R"({"hosts":["a"],"current_host":"a","instance_groups":[1]})")),
            cannot + "instance_groups[0]: expected an object, found an integer");
  EXPECT_EQ(ErrorOf(WithResources(R"({"hosts":["a"],"current_host":"a","instance_groups":[
                                      {"instance_group_name":"g","hosts":[true]}]})")),
            cannot + "instance_groups[0].hosts[0]: expected a string, found a boolean");
}

TEST(TrainingEnvironmentTest, ALogLevelIsAWholeNumber) {
  EXPECT_EQ(ErrorOf(WithHyperparameters(R"({"sagemaker_container_log_level": "INFO"})")),
            "cannot use \"" + std::string(kHyperparameters) +
                "\": hyperparameter \"sagemaker_container_log_level\": expected one of Python's "
                "logging levels (10 debug, 20 info, 30 warning, 40 error), found \"INFO\"");
  Inputs inputs = TestInputs();
  inputs.variables = {{"SAGEMAKER_CONTAINER_LOG_LEVEL", "20x"}};
  EXPECT_EQ(ErrorOf(inputs),
            "cannot use the variable SAGEMAKER_CONTAINER_LOG_LEVEL: expected one of Python's "
            "logging levels (10 debug, 20 info, 30 warning, 40 error), found \"20x\"");
}

TEST(TrainingEnvironmentTest, WhatNoProcessCanBeGivenIsNamed) {
  const std::string cannot = "cannot use \"" + std::string(kHyperparameters) + "\": ";
  EXPECT_EQ(ErrorOf(WithHyperparameters(R"({"x": "a\u0000b"})")),
            cannot +
                "hyperparameter \"x\": expected text that a process can be given, found a NUL "
                "character (\\u0000)");
  EXPECT_EQ(ErrorOf(WithHyperparameters("{\"x\\u0000\": 1}")),
            cannot +
                R"(the name of hyperparameter "x\u0000")"
                ": expected text that a process can be given, found a NUL character (\\u0000)");
  EXPECT_EQ(ErrorOf(WithHyperparameters(R"({"x": {"k": "\ud800"}})")),
            cannot +
                "hyperparameter \"x\": expected text that a process can be given, found half "
                "a surrogate pair (\\ud800)");
  // Inside a list it is written \x00, by Python and by us.
  EXPECT_EQ(ErrorOf(WithHyperparameters(R"({"x": ["\u0000\ud800"]})")), "no error");
  EXPECT_EQ(ErrorOf(WithResources(R"({"hosts": ["a\u0000"]})")),
            "cannot use \"" + std::string(kResources) +
                "\": hosts[0]: expected text that a process can be given, found a NUL character "
                "(\\u0000)");
}

}  // namespace
}  // namespace berth::contract
