#include "process/machine.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "core/files.h"
#include "process/cpu_quota.h"
#include "process/neuron.h"

namespace berth::process {
namespace {

TEST(Machine, QuotasAreCpus) {
  EXPECT_EQ(ParseCpuMax("200000 100000\n"), 2.0);
  EXPECT_EQ(ParseCpuMax("50000 100000"), 0.5);
  EXPECT_EQ(ParseCpuMax("max 100000"), std::nullopt);
  EXPECT_EQ(ParseCpuMax("-1 100000"), std::nullopt);
  EXPECT_EQ(ParseCpuMax(""), std::nullopt);
}

TEST(Machine, NeuronCoresAreSummed) {
  EXPECT_EQ(NeuronCores(R"([{"neuron_device":0,"nc_count":2},{"nc_count":8}])").value(), 10);
  EXPECT_EQ(NeuronCores("[]").value(), 0);
  for (const char* bad : {"{}", "", "[1]", "[{}]", R"([{"nc_count":"2"}])", R"([{"nc_count":-1}])",
                          R"([{"nc_count":99999999999}])"}) {
    EXPECT_FALSE(NeuronCores(bad)) << bad;
  }
}

class MachineWithTools : public ::testing::Test {
 protected:
  void Tool(const std::string& name, const std::string& script) const {
    const std::string path = folder_.path() / name;
    ASSERT_TRUE(WriteFile(path, "#!/bin/sh\n" + script));
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  }
  Machine Probe() const { return ProbeMachine({{"PATH", folder_.path()}}); }

 private:
  TemporaryDirectory folder_ = TemporaryDirectory::Make("berth-test").value();
};

TEST_F(MachineWithTools, WhatIsNotThereIsNothing) {
  const Machine machine = Probe();
  EXPECT_GE(machine.cpus, 1);
  EXPECT_EQ(machine.neurons, 0);
  EXPECT_FALSE(machine.host_name.empty());
}

TEST_F(MachineWithTools, AcceleratorsAreCounted) {
  if (std::filesystem::exists("/proc/driver/nvidia/gpus")) GTEST_SKIP() << "this machine has GPUs";
  Tool("nvidia-smi", "echo 'GPU 0: A (UUID: x)'; echo 'GPU 1: A (UUID: y)'; echo 'No GPU'");
  Tool("neuron-ls", "[ \"$1\" = -j ] && echo '[{\"nc_count\": 2}, {\"nc_count\": 2}]'");
  const Machine machine = Probe();
  EXPECT_EQ(machine.gpus, 2);
  EXPECT_EQ(machine.neurons, 4);
}

TEST_F(MachineWithTools, AProbeThatBreaksCountsNothing) {
  if (std::filesystem::exists("/proc/driver/nvidia/gpus")) GTEST_SKIP() << "this machine has GPUs";
  Tool("nvidia-smi", "echo 'GPU 0: A'; echo 'no driver' >&2; exit 9");
  Tool("neuron-ls", "echo not json");
  const Machine machine = Probe();
  EXPECT_EQ(machine.gpus, 0);
  EXPECT_EQ(machine.neurons, 0);
}

}  // namespace
}  // namespace berth::process
