#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/host_for_test.h"

namespace berth::launch {
namespace {

using testing::ElementsAre;

TestHost ServerHost(size_t current) {
  TestHost host({"algo-1", "algo-2", "algo-3"}, current);
  host.hyperparameters.Set("sagemaker_parameter_server_enabled", "true");
  host.Python("tensorflow");
  return host;
}

constexpr const char* kCluster =
    R"({"cluster": {"master": ["algo-1:2222"], "ps": ["algo-1:2223", "algo-2:2223", "algo-3:2223"], )"
    R"("worker": ["algo-2:2222", "algo-3:2222"]}, "environment": "cloud", )";

TEST(ParameterServer, EachHostServesAndRunsTheScript) {
  const TestHost host = ServerHost(2);
  const Plan plan = host.MakePlan();
  EXPECT_EQ(plan.work, Plan::Work::kRanks);
  ASSERT_EQ(plan.command.argv.size(), 5);
  EXPECT_EQ(plan.command.argv[0], host.path("bin/python3"));
  EXPECT_EQ(plan.command.argv[3], "/opt/berth");
  EXPECT_EQ(plan.command.argv[4], std::string(kCluster) + R"("task": {"index": 2, "type": "ps"}})");
  EXPECT_EQ(plan.command.variables.at("BERTH_RANK_SOCKET"), plan.rank_socket);
  EXPECT_EQ(plan.command.variables.at("BERTH_RANK"), "2");
  ASSERT_TRUE(plan.ranks);
  EXPECT_TRUE(plan.ranks->overlay);
  EXPECT_EQ(plan.ranks->variables.at("TF_CONFIG"),
            std::string(kCluster) + R"("task": {"index": 1, "type": "worker"}})");
  EXPECT_THAT(plan.ranks->argv, ElementsAre(host.path("bin/python3"), "train.py", "--lr", "0 .1"));
}

TEST(ParameterServer, TheFirstHostIsTheMaster) {
  EXPECT_EQ(ServerHost(0).MakePlan().ranks->variables.at("TF_CONFIG"),
            std::string(kCluster) + R"("task": {"index": 0, "type": "master"}})");
}

TEST(ParameterServer, WithoutTensorflowThereIsNone) {
  TestHost host = ServerHost(0);
  host.Python();
  EXPECT_EQ(
      host.Error(),
      host.path("bin/python3") +
          " has no module tensorflow, with which berth runs the parameter servers "
          "(sagemaker_parameter_server_enabled): use an image with TensorFlow, or switch them "
          "off");
}

TEST(MultiWorkerMirrored, EachHostIsAWorker) {
  TestHost host({"algo-1", "algo-2"}, 1);
  host.hyperparameters.Set("sagemaker_multi_worker_mirrored_strategy_enabled", "true");
  const Plan plan = host.MakePlan();
  EXPECT_EQ(plan.command.argv, host.surroundings().command.argv);
  EXPECT_EQ(plan.work, Plan::Work::kCommand);
  EXPECT_EQ(plan.command.variables.at("TF_CONFIG"),
            R"({"cluster": {"worker": ["algo-1:8890", "algo-2:8890"]}, "environment": "cloud", )"
            R"("task": {"index": 1, "type": "worker"}})");
}

}  // namespace
}  // namespace berth::launch
