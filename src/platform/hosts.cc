#include "platform/hosts.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"
#include "storage/uri.h"

namespace berth::platform {

std::string HostName(size_t number) {
  return fmt::format("algo-{}", number);
}

std::vector<Host> HostsOf(const std::vector<HostGroup>& groups) {
  std::vector<Host> hosts;
  for (size_t group = 0; group < groups.size(); ++group) {
    for (size_t i = 0; i < groups[group].count; ++i) {
      const size_t number = hosts.size() + 1;
      hosts.push_back({.number = number, .name = HostName(number), .group = group});
    }
  }
  std::ranges::sort(hosts, {}, &Host::name);
  return hosts;
}

std::vector<size_t> HostsWith(const Channel& channel, const TrainingJob& job) {
  std::vector<size_t> places;
  for (size_t i = 0; i < job.hosts.size(); ++i) {
    const std::string& group = job.groups[job.hosts[i].group].name;
    if (channel.groups.empty() ||
        std::ranges::find(channel.groups, group) != channel.groups.end()) {
      places.push_back(i);
    }
  }
  return places;
}

std::optional<Share> ShareOf(const Channel& channel, const TrainingJob& job, size_t host) {
  const std::vector<size_t> with = HostsWith(channel, job);
  const auto place = std::ranges::find(with, host);
  if (place == with.end()) return std::nullopt;
  if (!channel.sharded) return Share();
  return Share{.host = static_cast<size_t>(place - with.begin()), .hosts = with.size()};
}

bool BringsCode(const TrainingJob& job) {
  return job.hosts.size() > 1 && storage::IsS3(job.submit_directory);
}

std::string IntermediateUri(const TrainingJob& job) {
  return job.hosts.size() > 1 && storage::IsS3(job.s3_output) ? job.s3_output : "";
}

bool IsMounted(const Channel& channel) {
  return !channel.path.empty() && !channel.sharded;
}

std::string NamesText(const std::vector<std::string>& names) {
  constexpr size_t kNamed = 4;
  if (names.size() <= kNamed) return Join(names, ", ");
  const std::vector<std::string> first(names.begin(), names.begin() + kNamed);
  return fmt::format("{} and {} more", Join(first, ", "), names.size() - kNamed);
}

}  // namespace berth::platform
