// A FastFile channel as the kernel asks for it: the answering side of a FUSE mount.
#pragma once

#include <cstdint>
#include <string>

#include "core/descriptor.h"
#include "platform/fast_content.h"
#include "platform/file_tree.h"

namespace berth::platform {

/// Serves one tree, whose files are numbers `first_file` and following of `content`. Read-only:
/// files are 0444, folders 0555, all of them our user's.
class FastFolder {
 public:
  FastFolder(const Placement& placement, FastContent& content, uint32_t first_file);

  /// Answers until the device's mount is gone; then waits for reads under way. From several threads
  /// at once, each with a mount of its own. An error where the kernel and we do not agree.
  [[nodiscard]] Result<void> Serve(Descriptor device) const;

 private:
  friend struct FastFolderCalls;

  const FileTree tree_;
  FastContent& content_;
  const uint32_t first_file_;
  const int64_t made_;  // seconds since 1970: the time of folders
};

}  // namespace berth::platform
