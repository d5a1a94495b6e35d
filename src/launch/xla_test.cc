#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/host_for_test.h"

namespace berth::launch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TestHost XlaHost(std::vector<std::string> hosts = {"algo-1"}, size_t current = 0) {
  TestHost host(std::move(hosts), current);
  host.hyperparameters.Set("sagemaker_pytorch_xla_multi_worker_enabled", "true");
  host.gpus = 4;
  host.Python("torch_xla torch_xla.distributed.xla_spawn");
  return host;
}

TEST(Xla, RunsXlaSpawnWithItsVariables) {
  const TestHost host = XlaHost({"algo-1", "algo-2"}, 1);
  const Plan plan = host.MakePlan();
  EXPECT_THAT(plan.command.argv,
              ElementsAre(host.path("bin/python3"), "-m", "torch_xla.distributed.xla_spawn",
                          "--num_gpus", "4", "train.py", "--lr", "0 .1"));
  EXPECT_FALSE(plan.ranks);
  const auto& variables = plan.command.variables;
  EXPECT_EQ(variables.at("XRT_HOST_ORDINAL"), "1");
  EXPECT_EQ(variables.at("XRT_SHARD_WORLD_SIZE"), "2");
  EXPECT_EQ(variables.at("XRT_WORKERS"), "localservice:0;algo-1:43857|localservice:1;algo-2:43857");
  EXPECT_EQ(variables.at("GPU_NUM_DEVICES"), "4");
  EXPECT_EQ(variables.at("XRT_MESH_SERVICE_ADDRESS"), "algo-1:53957");
  EXPECT_EQ(variables.at("OFI_NCCL_NIC_DUP_CONNS"), "4");
  EXPECT_EQ(variables.at("NCCL_PROTO"), "simple");
}

TEST(Xla, OneHostNeedsNoMesh) {
  const auto variables = XlaHost().MakePlan().command.variables;
  EXPECT_EQ(variables.at("XRT_WORKERS"), "localservice:0;algo-1:43857");
  EXPECT_FALSE(variables.contains("XRT_MESH_SERVICE_ADDRESS"));
}

TEST(Xla, WhatItNeedsAndIsNotThereIsOneMessage) {
  TestHost host = XlaHost();
  host.Python("torch_xla");
  EXPECT_EQ(host.Error(),
            host.path("bin/python3") +
                " has no module torch_xla.distributed.xla_spawn, which PyTorch/XLA "
                "(sagemaker_pytorch_xla_multi_worker_enabled) needs: use an image of the SageMaker "
                "Training Compiler");
  host.command = {"python3", "-m", "train"};
  EXPECT_THAT(host.Error(), HasSubstr("runs only a Python file"));
  host.gpus = 0;
  EXPECT_EQ(
      host.Error(),
      "PyTorch/XLA (sagemaker_pytorch_xla_multi_worker_enabled) needs GPUs, and this host has "
      "none: choose an instance type with GPUs, or switch it off");
}

}  // namespace
}  // namespace berth::launch
