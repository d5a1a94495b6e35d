// How much memory there is for processes of this control group.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace berth::process {

/// Bytes: the least limit of our cgroup and those above it (memory.max, memory.limit_in_bytes), and
/// not more than the machine has.
uint64_t MemoryLimit();

/// Bytes that can be used yet without reclaim hurting: the machine's MemAvailable, and what the
/// cgroup's limit leaves. Page cache counts as free.
uint64_t AvailableMemory();

/// Bytes of the process that nobody else shares (smaps_rollup's Private_*), else its resident
/// memory; nothing where it is gone or not ours to see.
std::optional<uint64_t> PrivateMemory(pid_t pid);

/// Resident bytes, shared ones too.
std::optional<uint64_t> ResidentMemory(pid_t pid);

}  // namespace berth::process
