#include "process/cgroup.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "core/files.h"
#include "core/text.h"

namespace berth::process {
namespace {

namespace fs = std::filesystem;

bool ListHolds(std::string_view list, std::string_view word) {
  const std::vector<std::string> words = Split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Our path in the hierarchy: "4:memory:/a/b" or, of version 2, "0::/a/b".
std::optional<std::string> PathInHierarchy(std::string_view cgroup, std::string_view controller) {
  for (const std::string& line : Split(cgroup, '\n')) {
    const size_t first = line.find(':');
    if (first == std::string::npos) continue;
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string_view controllers =
        std::string_view(line).substr(first + 1, second - first - 1);
    const bool ours = controller.empty() ? controllers.empty() && line.starts_with("0:")
                                         : ListHolds(controllers, controller);
    if (ours) return line.substr(second + 1);
  }
  return std::nullopt;
}

/// mountinfo writes blanks and backslashes in names as three octal digits.
std::string Unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 3, code, 8).ec == std::errc()) {
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// "31 23 0:28 ROOT POINT rw,… [tags] - cgroup SOURCE rw,memory"
struct Mount {
  std::string root;
  std::string point;
};

std::optional<Mount> ParseMount(std::string_view line, std::string_view controller) {
  const size_t dash = line.find(" - ");
  if (dash == std::string_view::npos) return std::nullopt;
  const std::vector<std::string> left = Split(line.substr(0, dash), ' ');
  const std::vector<std::string> right = Split(line.substr(dash + 3), ' ');
  if (left.size() < 5 || right.size() < 3) return std::nullopt;
  const bool ours = controller.empty() ? right[0] == "cgroup2"
                                       : right[0] == "cgroup" && ListHolds(right[2], controller);
  if (!ours) return std::nullopt;
  return Mount{Unescaped(left[3]), Unescaped(left[4])};
}

/// `path` below `root`, without a leading '/'; nothing where it is not below it.
std::optional<std::string> Below(std::string_view root, std::string_view path) {
  if (path.find("/..") != std::string_view::npos) return std::nullopt;
  if (root != "/") {
    if (!path.starts_with(root)) return std::nullopt;
    path.remove_prefix(root.size());
    if (!path.empty() && path.front() != '/') return std::nullopt;
  }
  while (path.starts_with('/')) path.remove_prefix(1);
  return std::string(path);
}

}  // namespace

std::vector<CgroupFolder> CgroupFolders(std::string_view cgroup, std::string_view mountinfo,
                                        std::string_view controller) {
  std::vector<CgroupFolder> folders;
  const std::optional<std::string> path = PathInHierarchy(cgroup, controller);
  if (!path) return folders;
  std::vector<CgroupFolder> mount_points;
  for (const std::string& line : Split(mountinfo, '\n')) {
    const std::optional<Mount> mount = ParseMount(line, controller);
    if (!mount) continue;
    if (const auto below = Below(mount->root, *path); below && !below->empty()) {
      folders.push_back({fs::path(mount->point) / *below, mount->point});
    }
    mount_points.push_back({mount->point, mount->point});
  }
  folders.insert(folders.end(), mount_points.begin(), mount_points.end());
  return folders;
}

std::vector<CgroupFolder> CgroupFolders(std::string_view controller) {
  const auto cgroup = ReadFile("/proc/self/cgroup");
  const auto mountinfo = ReadFile("/proc/self/mountinfo");
  if (!cgroup || !mountinfo) return {};
  return CgroupFolders(*cgroup, *mountinfo, controller);
}

std::optional<uint64_t> KeyedValue(std::string_view text, std::string_view key) {
  for (const std::string& line : Split(text, '\n')) {
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') continue;
    const std::string_view digits = std::string_view(line).substr(key.size() + 1);
    uint64_t value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc()) {
      return value;
    }
  }
  return std::nullopt;
}

}  // namespace berth::process
