#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "launch/host_for_test.h"

namespace berth::launch {
namespace {

using testing::ElementsAre;

constexpr const char* kOptions = "sagemaker_torch_distributed_custom_options";

TestHost TorchHost(std::vector<std::string> hosts = {"algo-1"}, size_t current = 0) {
  TestHost host(std::move(hosts), current);
  host.hyperparameters.Set("sagemaker_torch_distributed_enabled", "true");
  host.Program("torchrun", "");
  host.Python();
  return host;
}

std::string CommandOf(const TestHost& host) {
  const Plan plan = host.MakePlan();
  return Line(plan.command.argv, host, plan);
}

TEST(Torchrun, OneHost) {
  TestHost host = TorchHost();
  host.gpus = 4;
  const Plan plan = host.MakePlan();
  EXPECT_EQ(Line(plan.command.argv, host, plan),
            "torchrun --nnodes 1 --nproc_per_node 4 --no_python /opt/berth rank");
  EXPECT_EQ(plan.command.variables.at("NCCL_SOCKET_IFNAME"), "eth0");
  EXPECT_EQ(plan.command.variables.at("NCCL_PROTO"), "simple");
  EXPECT_EQ(plan.command.variables.at("BERTH_RANK_SOCKET"), plan.rank_socket);
  EXPECT_TRUE(plan.several);
  ASSERT_TRUE(plan.ranks);
  EXPECT_FALSE(plan.ranks->overlay);
  EXPECT_THAT(plan.ranks->argv, ElementsAre(host.path("bin/python3"), "train.py", "--lr", "0 .1"));
}

TEST(Torchrun, SeveralHostsAreToldTheirRank) {
  EXPECT_EQ(CommandOf(TorchHost({"algo-1", "algo-2", "algo-3"}, 2)),
            "torchrun --nnodes 3 --nproc_per_node 1 --master_addr algo-1 --master_port 7777 "
            "--node_rank 2 --no_python /opt/berth rank");
}

TEST(Torchrun, OneProcessOnOneHostIsNotSeveral) {
  EXPECT_FALSE(TorchHost().MakePlan().several);
}

TEST(Torchrun, TheUsersOptionsReplaceOurs) {
  TestHost host = TorchHost({"algo-1", "algo-2"}, 1);
  host.hyperparameters.Set(kOptions,
                           "--nproc-per-node=auto --master_port 29500 --node_rank 5 -t 3");
  EXPECT_EQ(CommandOf(host),
            "torchrun --nnodes 2 --master_addr algo-1 --nproc-per-node=auto --master_port 29500 "
            "--node_rank 5 -t 3 --no_python /opt/berth rank");
}

TEST(Torchrun, ItsOwnVariablesReplaceOursAndTheOptionsThem) {
  TestHost host = TorchHost({"algo-1", "algo-2"}, 1);
  host.variables["PET_MASTER_PORT"] = "29500";
  host.variables["PET_NNODES"] = "2";
  host.variables["PET_MAX_RESTARTS"] = "2";
  EXPECT_EQ(CommandOf(host),
            "torchrun --nproc_per_node 1 --master_addr algo-1 --node_rank 1 --no_python /opt/berth "
            "rank");
  EXPECT_EQ(host.Choose()->restarts(), 2);
  host.hyperparameters.Set(kOptions, "--max_restarts 3 --max-restarts=4");
  EXPECT_EQ(host.Choose()->restarts(), 4);
}

TEST(Torchrun, ElasticJobsMeetAtTheMaster) {
  TestHost master = TorchHost({"algo-1", "algo-2"}, 0);
  master.hyperparameters.Set(kOptions, "--nnodes 1:2 --max_restarts 3 --rdzv_conf timeout=60");
  master.variables["TRAINING_JOB_NAME"] = "job-7";
  EXPECT_EQ(
      CommandOf(master),
      "torchrun --nproc_per_node 1 --rdzv_backend c10d --rdzv_id job-7 --rdzv_endpoint "
      "algo-1:7777 --rdzv_conf timeout=60,is_host=1 --nnodes 1:2 --max_restarts 3 --no_python "
      "/opt/berth rank");
  TestHost other = TorchHost({"algo-1", "algo-2"}, 1);
  other.hyperparameters.Set(kOptions, "--rdzv_backend=c10d");
  EXPECT_EQ(CommandOf(other),
            "torchrun --nnodes 2 --nproc_per_node 1 --rdzv_id berth --rdzv_endpoint algo-1:7777 "
            "--rdzv_conf is_host=0 --rdzv_backend=c10d --no_python /opt/berth rank");
}

TEST(Torchrun, AMeetingPointOfTheUsersStaysTheUsers) {
  TestHost host = TorchHost({"algo-1", "algo-2"}, 1);
  host.hyperparameters.Set(
      kOptions, "--rdzv_backend etcd-v2 --rdzv_endpoint etcd:2379 --rdzv_id x --rdzv_conf a=b");
  EXPECT_EQ(
      CommandOf(host),
      "torchrun --nnodes 2 --nproc_per_node 1 --rdzv_backend etcd-v2 --rdzv_endpoint etcd:2379 "
      "--rdzv_id x --rdzv_conf a=b --no_python /opt/berth rank");
}

TEST(Torchrun, StandaloneIsForOneHost) {
  TestHost host = TorchHost();
  host.hyperparameters.Set(kOptions, "--standalone");
  EXPECT_EQ(CommandOf(host),
            "torchrun --nproc_per_node 1 --standalone --no_python /opt/berth rank");
  TestHost two = TorchHost({"algo-1", "algo-2"});
  two.hyperparameters.Set(kOptions, "--standalone");
  EXPECT_EQ(two.Error(),
            "torchrun's --standalone is for one host, and the job has 2: leave it out");
}

TEST(Torchrun, RunsModulesAndPrograms) {
  TestHost host = TorchHost();
  host.command = {"python3", "sub/train.py", "--a", "b"};
  host.hyperparameters.Set(kOptions, "-m --no-python");
  EXPECT_EQ(CommandOf(host), "torchrun --nnodes 1 --nproc_per_node 1 --no_python /opt/berth rank");
  EXPECT_THAT(host.MakePlan().ranks->argv,
              ElementsAre(host.path("bin/python3"), "-m", "sub.train", "--a", "b"));
  host.python.clear();
  host.command = {"./run.sh"};
  EXPECT_EQ(host.Error(),
            "hyperparameter sagemaker_torch_distributed_custom_options has -m, and the entry point "
            "is no Python file");
  host.hyperparameters.Set(kOptions, "");
  EXPECT_THAT(host.MakePlan().ranks->argv, ElementsAre("./run.sh"));
}

TEST(Torchrun, NeuronGraphsAreCompiledFirstWhereAsked) {
  TestHost host = TorchHost();
  host.neurons = 2;
  host.variables["RUN_NEURON_PARALLEL_COMPILE"] = "1";
  EXPECT_EQ(
      host.Error(),
      "RUN_NEURON_PARALLEL_COMPILE is 1 and there is no `neuron_parallel_compile` on the PATH: "
      "use an image with the Neuron SDK, or leave the variable out");
  host.Program("neuron_parallel_compile", "");
  EXPECT_EQ(CommandOf(host),
            "neuron_parallel_compile torchrun --nnodes 1 --nproc_per_node 2 --no_python /opt/berth "
            "rank");
}

TEST(Torchrun, WhatCannotBeMeantIsAnError) {
  TestHost host = TorchHost();
  const std::string setting = "hyperparameter sagemaker_torch_distributed_custom_options: ";
  host.hyperparameters.Set(kOptions, "train.py");
  EXPECT_EQ(host.Error(), setting +
                              "\"train.py\" is neither an option nor an option's value, so "
                              "torchrun would take it for the program to run");
  host.hyperparameters.Set(kOptions, "--nnodes");
  EXPECT_EQ(host.Error(), setting + "\"--nnodes\" needs a value after it");
  host.hyperparameters.Set(kOptions, "--run-path");
  EXPECT_EQ(host.Error(), setting +
                              "\"--run-path\" has no place here: the entry point is run as a "
                              "file, or with -m as a module");
  host.hyperparameters.Set(kOptions, "");
  std::filesystem::remove(host.path("bin/torchrun"));
  EXPECT_EQ(host.Error(),
            "there is no `torchrun` on the PATH: install PyTorch (1.10 or later) in the image, or "
            "switch sagemaker_torch_distributed_enabled off");
}

}  // namespace
}  // namespace berth::launch
