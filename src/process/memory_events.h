// How often the kernel's out-of-memory killer has struck here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace berth::process {

/// Counts the processes of our cgroup that the out-of-memory killer has ended: memory.oom_control
/// (v1), memory.events (v2), else the whole machine's /proc/vmstat. Nothing where no file says.
class OutOfMemoryCounter {
 public:
  OutOfMemoryCounter();
  std::optional<uint64_t> Read() const;

 private:
  std::filesystem::path file_;
};

}  // namespace berth::process
