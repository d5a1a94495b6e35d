// A private view of the file system: a folder shown at /opt/ml to one job only.
//
// These functions change the mount namespace of the calling process. Call them in a process that
// has its own (unshare(CLONE_NEWNS)) and the right to mount in it. They need no program and no
// /proc. An Error may leave mounts behind: the process should then end.
#pragma once

#include <filesystem>

#include "core/error.h"

namespace berth::platform {

/// Stops mounts made here from showing outside. First of all.
[[nodiscard]] Result<void> KeepMountsPrivate();

/// Shows `source` (a file or folder) at the existing `target`.
[[nodiscard]] Result<void> Bind(const std::filesystem::path& source,
                                const std::filesystem::path& target);

/// Bind(), and nothing can be written through it, nor through mounts below it.
[[nodiscard]] Result<void> BindReadOnly(const std::filesystem::path& source,
                                        const std::filesystem::path& target);

/// Shows `tree` at `target`, which need not exist: where its folder is missing, the nearest
/// folder above is replaced by a small one in memory that shows all that was there (so that
/// nothing is made outside, and nobody needs the right to). `staging` is an empty folder, used
/// where that nearest folder is the root. The working directory may change.
[[nodiscard]] Result<void> ShowAt(const std::filesystem::path& tree,
                                  const std::filesystem::path& target,
                                  const std::filesystem::path& staging);

/// A fresh /proc for the pid namespace that the calling process is in.
[[nodiscard]] Result<void> MountProc();

}  // namespace berth::platform
