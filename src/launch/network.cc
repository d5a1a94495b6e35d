#include "launch/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

#include "core/files.h"
#include "core/log.h"
#include "core/text.h"

namespace berth::launch {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kProbeDeadline{30};
/// EFA's generations, as PCI device ids; the second has RDMA on some instance types only.
constexpr std::string_view kFirstGenerationWithRdma = "0xefa2";

struct Devices {
  std::vector<std::string> names;
  bool rdma = false;
};

Devices EfaDevices(const std::string& root) {
  Devices devices{.names = {}, .rdma = true};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root + "/sys/class/infiniband", error)) {
    const fs::path driver = fs::read_symlink(entry.path() / "device" / "driver", error);
    if (error || driver.filename() != "efa") continue;
    devices.names.push_back(entry.path().filename().string());
    const auto id = ReadFile(entry.path() / "device" / "device", 64);
    if (!id || Trim(*id) < kFirstGenerationWithRdma) devices.rdma = false;
  }
  std::ranges::sort(devices.names);
  if (devices.names.empty()) devices.rdma = false;
  return devices;
}

/// Where libfabric is installed for EFA, the tool is often not on the PATH.
std::optional<std::string> FindFiInfo(const Surroundings& surroundings) {
  if (auto found = process::FindProgram("fi_info", surroundings.command.variables)) return *found;
  std::string beside = surroundings.root + "/opt/amazon/efa/bin/fi_info";
  std::error_code error;
  if (fs::is_regular_file(beside, error)) return beside;
  return std::nullopt;
}

/// What libfabric says of EFA; nothing where it cannot be asked.
std::optional<bool> LibfabricKnowsEfa(const Surroundings& surroundings) {
  const auto program = FindFiInfo(surroundings);
  if (!program) return std::nullopt;
  const auto outcome = process::Capture(
      {{*program, "-p", "efa"}, surroundings.command.variables, {}}, kProbeDeadline);
  if (!outcome || !outcome->start_error.empty()) return std::nullopt;
  return outcome->ok() && outcome->output_tail.contains("efa");
}

void Decide(const Surroundings& surroundings, Network* network) {
  const Devices devices = EfaDevices(surroundings.root);
  if (devices.names.empty()) {
    network->reason = "no EFA device in /sys/class/infiniband";
    return;
  }
  const std::string found = fmt::format("EFA device(s) {}", Join(devices.names, ", "));
  const auto known = LibfabricKnowsEfa(surroundings);
  if (known == false) {
    network->reason = found + ", but libfabric has no provider for them (`fi_info -p efa` fails)";
    return;
  }
  network->efa = true;
  network->device_rdma = devices.rdma;
  network->variables = {{"FI_PROVIDER", "efa"}, {"NCCL_PROTO", "simple"}};
  // A 1 on a device without RDMA ends the job, and libfabric uses by itself what it finds.
  if (devices.rdma) network->variables["FI_EFA_USE_DEVICE_RDMA"] = "1";
  network->reason =
      found + (known ? ", known to libfabric" : ", libfabric not asked (there is no fi_info)");
}

}  // namespace

Network ProbeNetwork(const Surroundings& surroundings) {
  Network network;
  Decide(surroundings, &network);
  const std::string& wanted = surroundings.environment.network_interface;
  std::error_code error;
  const bool plain = !wanted.empty() && !wanted.contains('/');
  if (plain && fs::exists(surroundings.root + "/sys/class/net/" + wanted, error)) {
    network.interface = wanted;
  }
  std::vector<std::string> set;
  set.reserve(network.variables.size());
  for (const auto& [name, value] : network.variables)
    set.push_back(fmt::format("{}={}", name, value));
  log::Info("launch", "network: {} over {} ({}){}{}; {} GPU(s), {} Neuron core(s)",
            network.efa ? "EFA" : "TCP",
            network.interface.empty()
                ? fmt::format("any interface, for there is no {}", Quoted(wanted))
                : network.interface,
            network.reason, set.empty() ? "" : ": ", Join(set, " "), surroundings.environment.gpus,
            surroundings.environment.neurons);
  return network;
}

}  // namespace berth::launch
