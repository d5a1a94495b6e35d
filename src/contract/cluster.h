// resourceconfig.json: who the hosts are, in which groups, and which of them run a distribution.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "contract/config_file.h"
#include "core/error.h"
#include "core/json.h"

namespace berth::contract {

struct InstanceGroup {
  std::string name;
  /// Empty where the platform does not say.
  std::string instance_type;
  std::vector<std::string> hosts;
};

struct Cluster {
  std::string current_host;
  /// "local" where the platform does not say.
  std::string current_instance_type;
  /// "homogeneousCluster" where the platform does not say.
  std::string current_instance_group;
  /// Empty where the current group is not among instance_groups.
  std::vector<std::string> current_instance_group_hosts;
  /// At least one, in the order of the file (the platform sorts them).
  std::vector<std::string> hosts;
  std::vector<InstanceGroup> instance_groups;
  /// sagemaker_distribution_instance_groups; else, with a distribution switch on, the current one.
  std::vector<std::string> distribution_instance_groups;
  /// Hosts of the distribution's groups; all hosts where there are no groups at all.
  std::vector<std::string> distribution_hosts;
  /// More than one instance group.
  bool is_hetero = false;
  /// First of distribution_hosts, else first of hosts.
  std::string master_host;
  bool is_master = false;
  /// "eth0" where the platform does not say.
  std::string network_interface;
  /// Where the platform gives one that is not empty.
  std::optional<json::Value> topology;
};

/// `hyperparameters_path` is for errors about the framework's parameters.
[[nodiscard]] Result<Cluster> ReadCluster(const json::Object& resource_config,
                                          const std::string& path,
                                          const json::Object& framework_parameters,
                                          const std::string& hyperparameters_path);

}  // namespace berth::contract
