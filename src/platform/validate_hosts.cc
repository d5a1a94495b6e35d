#include "platform/validate_hosts.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/text.h"
#include "platform/hosts.h"

namespace berth::platform {
namespace {

using json::Array;
using json::Object;
using json::Value;

constexpr size_t kMaxGroups = 5;
constexpr size_t kMaxGroupName = 64;

/// Where there is no number that could be meant, one host.
long long Count(const Object& parent, const std::string& path, Checker& check) {
  return check.Number(parent, path, "InstanceCount", 1).value_or(1);
}

void CheckTotal(long long count, const std::string& place, Checker& check) {
  if (count <= kMaxHosts) return;
  check.Problem(place,
                fmt::format("this machine runs at most {} hosts, found {}", kMaxHosts, count));
}

/// Their names.
std::vector<std::string> CheckGroups(const Object& resources, const Array& groups,
                                     const std::string& path, Checker& check) {
  const std::string place = path + ".InstanceGroups";
  for (const char* key : {"InstanceCount", "InstanceType"}) {
    if (!resources.Contains(key)) continue;
    check.Problem(Place(path, key), "does not go with InstanceGroups, which say it for each group");
  }
  std::vector<std::string> names;
  long long total = 0;
  check.EachObject(groups, place, [&](const Object& group, const std::string& at) {
    check.Text(group, at, "InstanceType", 64, 1);
    total += Count(group, at, check);
    const std::string* name = check.RequiredText(group, at, "InstanceGroupName", kMaxGroupName);
    if (name == nullptr) return;
    if (std::ranges::find(names, *name) != names.end()) {
      check.Problem(at + ".InstanceGroupName",
                    fmt::format("{} is the name of an earlier group", Quoted(*name)));
    }
    names.push_back(*name);
  });
  CheckTotal(total, place, check);
  return names;
}

void CheckNames(const Array& names, const std::string& place,
                const std::vector<std::string>& groups, Checker& check) {
  for (const Value& value : names) {
    const std::string* name = value.AsString();
    if (name == nullptr) {
      check.Problem(place, fmt::format("must hold names, found {}", value.TypeName()));
    } else if (std::ranges::find(groups, *name) == groups.end()) {
      check.Problem(place, fmt::format("{} is none of the instance groups: {}", Quoted(*name),
                                       Join(groups, ", ")));
    }
  }
}

const Object* ObjectAt(const Object* parent, std::string_view key) {
  const Value* value = parent != nullptr ? parent->Find(key) : nullptr;
  return value != nullptr ? value->AsObject() : nullptr;
}

/// The groups that take part in a distribution: JSON in a hyperparameter, as the SDK writes it.
void CheckDistribution(const Object& document, const std::vector<std::string>& groups,
                       Checker& check) {
  const Object* hyperparameters = ObjectAt(&document, "HyperParameters");
  const Value* value = hyperparameters != nullptr
                           ? hyperparameters->Find("sagemaker_distribution_instance_groups")
                           : nullptr;
  if (value == nullptr || value->AsString() == nullptr) return;
  const std::string place = "HyperParameters[\"sagemaker_distribution_instance_groups\"]";
  const Result<Value> names = json::Parse(*value->AsString());
  if (!names || names->AsArray() == nullptr) {
    check.Problem(place, fmt::format("{}: must be a JSON array of names of instance groups",
                                     Quoted(*value->AsString())));
    return;
  }
  CheckNames(*names->AsArray(), place, groups, check);
}

/// The groups that get a channel.
void CheckChannelGroups(const Object& document, const std::vector<std::string>& groups,
                        Checker& check) {
  const Value* channels = document.Find("InputDataConfig");
  if (channels == nullptr || channels->AsArray() == nullptr) return;
  for (size_t i = 0; i < channels->AsArray()->size(); ++i) {
    const Object* source =
        ObjectAt(ObjectAt((*channels->AsArray())[i].AsObject(), "DataSource"), "S3DataSource");
    if (source == nullptr) continue;
    const std::string path = fmt::format("InputDataConfig[{}].DataSource.S3DataSource", i);
    const Array* names = check.Array(*source, path, "InstanceGroupNames", kMaxGroups);
    if (names != nullptr) CheckNames(*names, path + ".InstanceGroupNames", groups, check);
  }
}

}  // namespace

void CheckHosts(const Object& document, Checker& check) {
  const std::string path = "ResourceConfig";
  std::vector<std::string> groups;
  if (const Object* resources = check.Object(document, "", path)) {
    check.Number(*resources, path, "VolumeSizeInGB", 0);
    const Array* several = check.Array(*resources, path, "InstanceGroups", kMaxGroups);
    if (several != nullptr && !several->empty()) {
      groups = CheckGroups(*resources, *several, path, check);
    } else {
      check.Text(*resources, path, "InstanceType", 64, 1);
      CheckTotal(Count(*resources, path, check), path + ".InstanceCount", check);
    }
  }
  if (groups.empty()) groups.push_back(HostGroup().name);
  CheckDistribution(document, groups, check);
  CheckChannelGroups(document, groups, check);
}

}  // namespace berth::platform
