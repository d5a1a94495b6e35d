#include "launch/network.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "launch/host_for_test.h"

namespace berth::launch {
namespace {

namespace fs = std::filesystem;

void AddDevice(const TestHost& host, const std::string& name, const std::string& driver,
               const std::string& id) {
  const fs::path device = host.path("root/sys/class/infiniband/" + name + "/device");
  ASSERT_TRUE(MakeDirectories(device));
  fs::create_symlink("../../../bus/pci/drivers/" + driver, device / "driver");
  ASSERT_TRUE(WriteFile(device / "device", id + "\n"));
}

TEST(Network, WithoutDevicesItIsTcpOverTheInterfaceOfTheContract) {
  const TestHost host;
  const Network network = ProbeNetwork(host.surroundings());
  EXPECT_EQ(network.interface, "eth0");
  EXPECT_FALSE(network.efa);
  EXPECT_EQ(network.reason, "no EFA device in /sys/class/infiniband");
  EXPECT_TRUE(network.variables.empty());
}

TEST(Network, AnInterfaceThatIsNotThereIsNotUsed) {
  const TestHost host;
  fs::remove_all(host.path("root/sys/class/net/eth0"));
  EXPECT_EQ(ProbeNetwork(host.surroundings()).interface, "");
}

TEST(Network, EfaThatLibfabricKnowsIsUsed) {
  const TestHost host;
  AddDevice(host, "rdmap0s6", "efa", "0xefa1");
  AddDevice(host, "mlx5_0", "mlx5_core", "0x101b");
  host.Program("fi_info", "[ \"$*\" = '-p efa' ] && echo 'provider: efa'\n");
  const Network network = ProbeNetwork(host.surroundings());
  EXPECT_TRUE(network.efa);
  EXPECT_FALSE(network.device_rdma);
  EXPECT_EQ(network.reason, "EFA device(s) rdmap0s6, known to libfabric");
  EXPECT_EQ(network.variables,
            (process::Variables{{"FI_PROVIDER", "efa"}, {"NCCL_PROTO", "simple"}}));
}

TEST(Network, OnlyDevicesThatAllHaveRdmaAreToldToUseIt) {
  const TestHost host;
  AddDevice(host, "rdmap0s6", "efa", "0xefa2");
  EXPECT_EQ(ProbeNetwork(host.surroundings()).variables.at("FI_EFA_USE_DEVICE_RDMA"), "1");
  EXPECT_EQ(ProbeNetwork(host.surroundings()).reason,
            "EFA device(s) rdmap0s6, libfabric not asked (there is no fi_info)");
  AddDevice(host, "rdmap0s7", "efa", "0xefa0");
  EXPECT_FALSE(ProbeNetwork(host.surroundings()).variables.contains("FI_EFA_USE_DEVICE_RDMA"));
}

TEST(Network, EfaThatLibfabricDoesNotKnowIsLeftAlone) {
  const TestHost host;
  AddDevice(host, "rdmap0s6", "efa", "0xefa2");
  host.Program("fi_info", "echo 'fi_getinfo: -61' >&2; exit 61\n");
  const Network network = ProbeNetwork(host.surroundings());
  EXPECT_FALSE(network.efa);
  EXPECT_EQ(
      network.reason,
      "EFA device(s) rdmap0s6, but libfabric has no provider for them (`fi_info -p efa` fails)");
}

TEST(Network, AnotherDriversDeviceIsNoEfa) {
  const TestHost host;
  AddDevice(host, "mlx5_0", "mlx5_core", "0x101b");
  EXPECT_FALSE(ProbeNetwork(host.surroundings()).efa);
}

}  // namespace
}  // namespace berth::launch
