#include "launch/launcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/host_for_test.h"

namespace berth::launch {
namespace {

using testing::ElementsAre;

constexpr const char* kMpi = "sagemaker_mpi_enabled";
constexpr const char* kTorch = "sagemaker_torch_distributed_enabled";

/// A host on which every launcher finds what it looks for.
TestHost Complete(std::vector<std::string> hosts = {"algo-1"}) {
  TestHost host(std::move(hosts));
  host.Mpirun();
  host.OpenSsh();
  host.Program("torchrun", "");
  host.Python("mpi4py tensorflow torch_xla torch_xla.distributed.xla_spawn");
  host.gpus = 1;
  return host;
}

TEST(ChooseLauncher, WithoutASwitchTheScriptRunsAloneOnEachHost) {
  const TestHost host(std::vector<std::string>{"algo-1", "algo-2"}, 1);
  const auto launcher = host.Choose();
  ASSERT_TRUE(launcher);
  EXPECT_EQ(launcher->name(), "single");
  EXPECT_THAT(launcher->hosts(), ElementsAre("algo-2"));
  const Plan plan = host.MakePlan();
  EXPECT_EQ(plan.command.argv, host.surroundings().command.argv);
  EXPECT_EQ(plan.work, Plan::Work::kCommand);
  EXPECT_FALSE(plan.ranks);
  EXPECT_EQ(plan.command.variables.at("MASTER_ADDR"), "algo-1");
  EXPECT_EQ(plan.command.variables.at("MASTER_PORT"), "7777");
}

TEST(ChooseLauncher, OneHostAloneGetsNothingAdded) {
  const TestHost host;
  EXPECT_EQ(host.MakePlan().command.variables, host.variables);
}

TEST(ChooseLauncher, EachSwitchHasItsLauncher) {
  const std::map<std::string, std::string> launchers = {
      {kMpi, "mpi"},
      {kTorch, "torchrun"},
      {"sagemaker_pytorch_xla_multi_worker_enabled", "xla"},
      {"sagemaker_distributed_dataparallel_enabled", "smddp"},
      {"sagemaker_pytorch_ddp_enabled", "smddp"},
      {"sagemaker_parameter_server_enabled", "tensorflow"},
      {"sagemaker_multi_worker_mirrored_strategy_enabled", "tensorflow"},
  };
  for (const auto& [name, launcher] : launchers) {
    TestHost host = Complete({"algo-1", "algo-2"});
    host.hyperparameters.Set(name, "true");
    const auto chosen = host.Choose();
    ASSERT_TRUE(chosen) << name;
    EXPECT_EQ(chosen->name(), launcher) << name;
    EXPECT_THAT(chosen->hosts(), ElementsAre("algo-1", "algo-2"));
  }
}

TEST(ChooseLauncher, OfSeveralSwitchesTheFirstInTheReferencesOrderDecides) {
  const std::vector<std::pair<std::string, std::string>> order = {
      {"sagemaker_parameter_server_enabled", "tensorflow"},
      {kMpi, "mpi"},
      {"sagemaker_pytorch_ddp_enabled", "smddp"},
      {kTorch, "torchrun"},
      {"sagemaker_distributed_dataparallel_enabled", "smddp"},
      {"sagemaker_pytorch_xla_multi_worker_enabled", "xla"},
      {"sagemaker_multi_worker_mirrored_strategy_enabled", "tensorflow"},
  };
  for (size_t first = 0; first < order.size(); ++first) {
    TestHost host = Complete({"algo-1", "algo-2"});
    for (size_t i = first; i < order.size(); ++i) host.hyperparameters.Set(order[i].first, "true");
    EXPECT_EQ(host.Choose()->name(), order[first].second) << order[first].first;
  }
}

TEST(ChooseLauncher, OneHostNeedsNoParameterServer) {
  TestHost host = Complete();
  host.hyperparameters.Set("sagemaker_parameter_server_enabled", "true");
  EXPECT_EQ(host.Choose()->name(), "single");
}

TEST(ChooseLauncher, AHostOutsideOfTheDistributionsGroupsRunsAlone) {
  TestHost host = Complete({"algo-1", "algo-2", "algo-3"});
  host.hyperparameters.Set(kMpi, "true");
  host.hyperparameters.Set("sagemaker_distribution_instance_groups", "[\"gpu\"]");
  host.groups = {{"cpu", {"algo-1"}}, {"gpu", {"algo-2", "algo-3"}}};
  host.current_group = "cpu";
  const auto launcher = host.Choose();
  ASSERT_TRUE(launcher);
  EXPECT_EQ(launcher->name(), "single");
  EXPECT_THAT(launcher->hosts(), ElementsAre("algo-1"));
}

TEST(ChooseLauncher, TheMasterIsTheFirstHostOfTheDistribution) {
  TestHost host = Complete({"algo-2", "algo-1", "algo-3"});
  host.hyperparameters.Set(kTorch, "true");
  host.hyperparameters.Set("sagemaker_distribution_instance_groups", "[\"gpu\"]");
  host.groups = {{"cpu", {"algo-1"}}, {"gpu", {"algo-3", "algo-2"}}};
  host.current_group = "gpu";
  const auto launcher = host.Choose();
  ASSERT_TRUE(launcher);
  EXPECT_EQ(launcher->master(), "algo-3");
  EXPECT_THAT(launcher->hosts(), ElementsAre("algo-3", "algo-2"));
}

TEST(ChooseLauncher, AGroupThatTheJobHasNotIsAnError) {
  TestHost host = Complete({"algo-1"});
  host.hyperparameters.Set(kMpi, "true");
  host.hyperparameters.Set("sagemaker_distribution_instance_groups", "[\"gpus\"]");
  host.groups = {{"cpu", {}}, {"gpu", {"algo-1"}}};
  host.current_group = "gpu";
  EXPECT_EQ(host.Error(),
            "the distribution names the instance group \"gpus\", and the job's groups are cpu, gpu "
            "(did you mean \"gpu\"?): set sagemaker_distribution_instance_groups to some of them");
}

TEST(ChooseLauncher, AHostThatTheJobHasNotIsAnError) {
  TestHost host = Complete({"algo-1"});
  host.hyperparameters.Set(kMpi, "true");
  host.groups = {{"gpu", {"algo-1", "algo-9"}}};
  host.current_group = "gpu";
  const std::string file = "\"/opt/ml/input/config/resourceconfig.json\" ";
  EXPECT_EQ(host.Error(), file +
                              "has the host \"algo-9\" in a group of the distribution, and not "
                              "among the job's hosts (algo-1)");
  host.groups = {{"gpu", {"algo-1", "algo-1"}}};
  EXPECT_EQ(host.Error(), file + "has the host \"algo-1\" twice in the groups of the distribution");
  host.groups = {{"gpu", {"-oProxyCommand=x"}}};
  EXPECT_EQ(host.Error(), file + "names a host \"-oProxyCommand=x\", which is no host name");
  host.groups = {{"gpu", {}}};
  EXPECT_EQ(host.Error(),
            file +
                "says that this host is \"algo-1\" of the group \"gpu\", and that group's hosts "
                "are none");
}

TEST(ChooseLauncher, ASwitchThatIsNeitherOnNorOffIsAnError) {
  TestHost host;
  host.hyperparameters.Set(kMpi, "yes");
  EXPECT_EQ(host.Error(),
            "hyperparameter sagemaker_mpi_enabled is \"yes\": expected true or false");
}

}  // namespace
}  // namespace berth::launch
