#include "process/memory.h"

#include <fmt/format.h>
#include <unistd.h>

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

std::optional<uint64_t> Number(std::string_view text) {
  uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc()) return std::nullopt;
  return value;
}

std::optional<uint64_t> NumberIn(const fs::path& file) {
  const auto text = ReadFile(file);
  return text ? Number(Trim(*text)) : std::nullopt;
}

// "<name>:   1234 kB", in bytes.
std::optional<uint64_t> Kilobytes(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto value = Number(text);
  return value ? std::optional(*value << 10) : std::nullopt;
}

struct Group {
  uint64_t limit = UINT64_MAX;
  uint64_t left = UINT64_MAX;
};

// The tightest of our cgroup and those above it.
Group Tightest() {
  Group tightest;
  for (const char* controller : {"memory", ""}) {
    const bool first_version = *controller != '\0';
    const std::vector<CgroupFolder> folders = CgroupFolders(controller);
    if (folders.empty()) continue;
    for (fs::path folder = folders.front().path;; folder = folder.parent_path()) {
      const auto limit =
          NumberIn(folder / (first_version ? "memory.limit_in_bytes" : "memory.max"));
      const auto used =
          NumberIn(folder / (first_version ? "memory.usage_in_bytes" : "memory.current"));
      if (limit) {
        tightest.limit = std::min(tightest.limit, *limit);
        const auto statistics = ReadFile(folder / "memory.stat");
        const uint64_t cache =
            statistics ? KeyedValue(*statistics, "inactive_file").value_or(0) : 0;
        const uint64_t taken = used.value_or(0) - std::min(cache, used.value_or(0));
        tightest.left = std::min(tightest.left, *limit - std::min(taken, *limit));
      }
      if (folder == folders.front().mount_point || !folder.has_relative_path()) break;
    }
  }
  return tightest;
}

}  // namespace

uint64_t MemoryLimit() {
  const auto meminfo = ReadFile("/proc/meminfo");
  const uint64_t machine =
      meminfo ? Kilobytes(*meminfo, "MemTotal:").value_or(UINT64_MAX) : UINT64_MAX;
  return std::min(machine, Tightest().limit);
}

uint64_t AvailableMemory() {
  const auto meminfo = ReadFile("/proc/meminfo");
  const uint64_t machine =
      meminfo ? Kilobytes(*meminfo, "MemAvailable:").value_or(UINT64_MAX) : UINT64_MAX;
  return std::min(machine, Tightest().left);
}

std::optional<uint64_t> PrivateMemory(pid_t pid) {
  const auto rollup = ReadFile(fmt::format("/proc/{}/smaps_rollup", pid));
  if (!rollup) return ResidentMemory(pid);
  const auto clean = Kilobytes(*rollup, "Private_Clean:");
  const auto dirty = Kilobytes(*rollup, "Private_Dirty:");
  if (!clean || !dirty) return ResidentMemory(pid);
  return *clean + *dirty;
}

std::optional<uint64_t> ResidentMemory(pid_t pid) {
  const auto statm = ReadFile(fmt::format("/proc/{}/statm", pid));
  if (!statm) return std::nullopt;
  const std::vector<std::string> words = Split(Trim(*statm), ' ');
  if (words.size() < 2) return std::nullopt;
  const auto pages = Number(words[1]);
  if (!pages) return std::nullopt;
  return *pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace berth::process
