// Where this process's control group is found in the file system.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace berth::process {

/// A cgroup's folder, and how far up its hierarchy can be seen.
struct CgroupFolder {
  std::filesystem::path path;
  std::filesystem::path mount_point;
};

/// Folders that may stand for this process's cgroup, best first, made from the text of
/// /proc/self/cgroup and /proc/self/mountinfo. `controller` names one of version 1 ("memory");
/// empty means version 2. In a container the mount may begin at our cgroup (its root field then
/// holds the prefix) or the cgroup namespace may hide it ("/../.."): the mount point itself is the
/// last candidate.
std::vector<CgroupFolder> CgroupFolders(std::string_view cgroup, std::string_view mountinfo,
                                        std::string_view controller);

/// The same, of this process.
std::vector<CgroupFolder> CgroupFolders(std::string_view controller);

/// The value behind "<key> " in a file of such lines, as memory.events is.
std::optional<uint64_t> KeyedValue(std::string_view text, std::string_view key);

}  // namespace berth::process
