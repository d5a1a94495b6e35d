// A FUSE mount: made in the keeper's namespaces, served by another process.
//
// The kernel wants the mount and the opening of /dev/fuse in one user namespace, so the keeper does
// both, and sends the opened device (sent_descriptor.h) to whoever serves.
#pragma once

#include <filesystem>

#include "core/descriptor.h"
#include "core/error.h"

namespace berth::platform {

/// Mounts a read-only file system at the existing folder `place`, in the calling process's mount
/// namespace, open to every user in it. Whoever looks inside waits until the device is served;
/// when nobody has the device open any more everything in it fails.
[[nodiscard]] Result<Descriptor> MountFuse(const std::filesystem::path& place);

}  // namespace berth::platform
