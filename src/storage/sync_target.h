// Where a FolderSync brings files: a prefix of S3, or a directory of this machine.
#pragma once

#include <memory>
#include <string>

#include "core/error.h"
#include "storage/cancellation.h"
#include "storage/settings.h"
#include "storage/uri.h"

namespace berth::storage {

/// Files are named by their path relative to the synced folder. Every function may be called from
/// any thread, for different files at once, and ends within a second of `cancel`.
class SyncTarget {
 public:
  virtual ~SyncTarget() = default;

  /// Where the file goes, for messages. Fails where its name can never be one there.
  [[nodiscard]] virtual Result<std::string> Place(const std::string& file) const = 0;

  /// Brings one state of the open regular file there, whole or not at all. EAGAIN where the file
  /// keeps changing, ECANCELED after a cancellation.
  [[nodiscard]] virtual Result<void> Put(int descriptor, const std::string& file,
                                         const Cancellation& cancel) = 0;

  /// It is no error if it is not there.
  [[nodiscard]] virtual Result<void> Delete(const std::string& file,
                                            const Cancellation& cancel) = 0;
};

/// Makes nothing, and asks nobody, before the first file: a server that cannot be reached, or a
/// region that is not set, are failures of Put().
[[nodiscard]] std::unique_ptr<SyncTarget> MakeSyncTarget(Uri place, Settings settings);

}  // namespace berth::storage
