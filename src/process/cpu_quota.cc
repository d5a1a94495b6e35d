#include "process/cpu_quota.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string>

#include "core/files.h"
#include "core/text.h"
#include "process/cgroup.h"

namespace berth::process {
namespace {

namespace fs = std::filesystem;

std::optional<double> ReadQuota(const fs::path& folder) {
  if (const auto limit = ReadFile(folder / "cpu.max")) return ParseCpuMax(*limit);
  const auto quota = ReadFile(folder / "cpu.cfs_quota_us");
  const auto period = ReadFile(folder / "cpu.cfs_period_us");
  if (!quota || !period) return std::nullopt;
  return ParseCpuMax(std::string(Trim(*quota)) + " " + *period);
}

}  // namespace

std::optional<double> ParseCpuMax(std::string_view text) {
  const std::vector<std::string> words = Split(Trim(text), ' ');
  if (words.size() != 2) return std::nullopt;
  const auto number = [](const std::string& word) {
    long long value = 0;
    const char* const end = word.data() + word.size();
    const auto [parsed, error] = std::from_chars(word.data(), end, value);
    return error == std::errc() && parsed == end ? value : 0;
  };
  const long long quota = number(words[0]);  // "max" and -1: no limit
  const long long period = number(words[1]);
  if (quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<double>(quota) / static_cast<double>(period);
}

std::optional<double> CpuQuota() {
  std::optional<double> least;
  for (const char* controller : {"cpu", ""}) {
    const std::vector<CgroupFolder> folders = CgroupFolders(controller);
    if (folders.empty()) continue;
    // The limit that binds may be a parent's.
    for (fs::path folder = folders.front().path;; folder = folder.parent_path()) {
      const auto quota = ReadQuota(folder);
      if (quota && (!least || *quota < *least)) least = quota;
      if (folder == folders.front().mount_point || !folder.has_relative_path()) break;
    }
  }
  return least;
}

}  // namespace berth::process
