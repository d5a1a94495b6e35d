// The keeper: the process between the platform and a container's first process.
#pragma once

#include "platform/container.h"
#include "platform/namespaces.h"

namespace berth::platform {

/// Messages between the two, one packet each: a letter, then text.
inline constexpr char kSetupFailed = 'S';  // why; the keeper ends
inline constexpr char kRunning = 'R';
inline constexpr char kStartFailed = 'X';  // "<exit code> <why>"; the end
inline constexpr char kEnded = 'E';        // "<wait status>"; the end
inline constexpr char kStopJob = 'T';      // to the keeper
inline constexpr char kKillJob = 'K';      // to the keeper

inline constexpr size_t kMaxPacket = 8192;

/// Runs in a fork of the platform; `output` becomes the job's stdout and
/// stderr, `program` (may be empty) is what it executes. Returns when the job is over and nothing
/// of it is left; the caller then ends the process.
void Keep(const ContainerSpec& spec, const Try& attempt, Descriptor socket, Descriptor output,
          const Descriptor& program);

/// Tries, in a fork of the platform, whether a FUSE mount can be made in such namespaces.
[[nodiscard]] Result<void> TryFuseMount(const Try& attempt, const std::filesystem::path& folder);

}  // namespace berth::platform
