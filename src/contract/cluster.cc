#include "contract/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "contract/hyperparameters.h"
#include "contract/python_text.h"
#include "contract/switches.h"

namespace berth::contract {
namespace {

/// The fourth is an older name.
constexpr std::array<std::string_view, 7> kSwitches = {
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
};

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Result<std::vector<InstanceGroup>> ReadGroups(const Members& members, const std::string& path) {
  BERTH_ASSIGN(const json::Array* array, members.OptionalArray("instance_groups"));
  std::vector<InstanceGroup> groups;
  if (array == nullptr) return groups;
  for (size_t i = 0; i < array->size(); ++i) {
    const std::string place = fmt::format("instance_groups[{}]", i);
    const json::Object* object = (*array)[i].AsObject();
    if (object == nullptr) return FailAt(path, place, "an object", (*array)[i].TypeName());
    const Members group_members(*object, path, place);
    InstanceGroup group;
    BERTH_ASSIGN(group.name, group_members.String("instance_group_name"));
    BERTH_ASSIGN(group.instance_type, group_members.String("instance_type", ""));
    BERTH_ASSIGN(group.hosts, group_members.Strings("hosts"));
    groups.push_back(std::move(group));
  }
  return groups;
}

Result<std::vector<std::string>> DistributionGroups(const json::Object& framework_parameters,
                                                    const std::string& current_group,
                                                    const std::string& hyperparameters_path) {
  constexpr std::string_view kName = "sagemaker_distribution_instance_groups";
  if (const json::Value* named = framework_parameters.Find(kName)) {
    return Strings(*named, hyperparameters_path, PlaceOfHyperparameter(kName));
  }
  std::vector<std::string> groups;
  const bool on = std::any_of(kSwitches.begin(), kSwitches.end(), [&](std::string_view name) {
    const json::Value* value = framework_parameters.Find(name);
    return value != nullptr && PythonBool(*value);
  });
  if (on) groups.push_back(current_group);
  return groups;
}

}  // namespace

std::span<const std::string_view> DistributionSwitches() {
  return kSwitches;
}

Result<Cluster> ReadCluster(const json::Object& resource_config, const std::string& path,
                            const json::Object& framework_parameters,
                            const std::string& hyperparameters_path) {
  const Members members(resource_config, path);
  Cluster cluster;
  BERTH_ASSIGN(cluster.hosts, members.Strings("hosts"));
  if (cluster.hosts.empty()) return FailAt(path, "hosts", "at least one host", "an empty array");
  BERTH_ASSIGN(cluster.current_host, members.String("current_host"));
  BERTH_ASSIGN(cluster.current_instance_type, members.String("current_instance_type", "local"));
  BERTH_ASSIGN(cluster.current_instance_group,
               members.String("current_group_name", "homogeneousCluster"));
  BERTH_ASSIGN(cluster.network_interface, members.String("network_interface_name", "eth0"));
  const json::Value* topology = resource_config.Find("topology");
  if (topology != nullptr && PythonBool(*topology)) cluster.topology = *topology;

  BERTH_ASSIGN(cluster.instance_groups, ReadGroups(members, path));
  cluster.is_hetero = cluster.instance_groups.size() > 1;
  BERTH_ASSIGN(cluster.distribution_instance_groups,
               DistributionGroups(framework_parameters, cluster.current_instance_group,
                                  hyperparameters_path));
  bool found_current = false;
  for (const InstanceGroup& group : cluster.instance_groups) {
    if (group.name == cluster.current_instance_group && !found_current) {
      cluster.current_instance_group_hosts = group.hosts;
      found_current = true;
    }
    if (Contains(cluster.distribution_instance_groups, group.name)) {
      cluster.distribution_hosts.insert(cluster.distribution_hosts.end(), group.hosts.begin(),
                                        group.hosts.end());
    }
  }
  if (cluster.instance_groups.empty()) cluster.distribution_hosts = cluster.hosts;
  cluster.master_host = cluster.distribution_hosts.empty() ? cluster.hosts.front()
                                                           : cluster.distribution_hosts.front();
  cluster.is_master = cluster.current_host == cluster.master_host;
  return cluster;
}

}  // namespace berth::contract
