#include "process/memory_events.h"

#include <string_view>

#include "core/files.h"
#include "process/cgroup.h"

namespace berth::process {
namespace {

namespace fs = std::filesystem;

fs::path FirstWith(std::string_view controller, const char* file, std::string_view key) {
  for (const auto& [directory, mount_point] : CgroupFolders(controller)) {
    const auto text = ReadFile(directory / file);
    if (text && KeyedValue(*text, key)) return directory / file;
  }
  return {};
}

}  // namespace

OutOfMemoryCounter::OutOfMemoryCounter() {
  constexpr std::string_view kKey = "oom_kill";
  file_ = FirstWith("memory", "memory.oom_control", kKey);
  if (file_.empty()) file_ = FirstWith("", "memory.events", kKey);
  if (file_.empty()) file_ = "/proc/vmstat";
}

std::optional<uint64_t> OutOfMemoryCounter::Read() const {
  const auto text = ReadFile(file_);
  if (!text) return std::nullopt;
  return KeyedValue(*text, "oom_kill");
}

}  // namespace berth::process
