// Whole files and directory listings, with limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace berth {

/// The whole regular file (or pipe), byte for byte. Fails, naming the path, where it cannot be
/// read, is a directory, or holds more than `limit` bytes.
[[nodiscard]] Result<std::string> ReadFile(const std::filesystem::path& path,
                                           size_t limit = size_t{64} << 20);

/// Replaces the content of `path`, making it where it is missing. Not atomic: for places, such
/// as a mount point or FIFO, where a rename is not possible. Parent folders must exist.
[[nodiscard]] Result<void> WriteFile(const std::filesystem::path& path, std::string_view bytes,
                                     unsigned mode = 0666);

/// Replaces `path` in one step: a reader sees the old content or the new, never a part. Writes
/// `<path>.<random>.tmp` beside it, removed on failure.
[[nodiscard]] Result<void> WriteFileAtomically(const std::filesystem::path& path,
                                               std::string_view bytes, unsigned mode = 0666);

/// mkdir -p. An existing directory is fine.
[[nodiscard]] Result<void> MakeDirectories(const std::filesystem::path& path);

/// Removes all that a folder holds, as far as that is possible.
void RemoveContent(const std::filesystem::path& folder);

/// The paths of files below `root`, relative to it, sorted, directories left out; at most `limit`
/// of them. Unreadable folders and links to folders are not entered. Empty if there is no `root`.
std::vector<std::string> ListFiles(const std::filesystem::path& root, size_t limit);

/// A directory made for us alone (mode 0700), removed with all it holds when this goes.
class TemporaryDirectory {
 public:
  /// Under $TMPDIR, else /tmp: "<that>/<prefix>-XXXXXX".
  [[nodiscard]] static Result<TemporaryDirectory> Make(std::string_view prefix);

  TemporaryDirectory(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
  ~TemporaryDirectory();

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace berth
