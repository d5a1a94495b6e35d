// Files, folders and links made below one directory, so that nothing can come to be outside it.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"

namespace berth::storage {

/// The names on the way to an entry, outermost first. None for the tree itself.
using NameParts = std::vector<std::string>;

/// Splits an entry's name, dropping "." and empty parts. Absolute names and ".." are errors.
[[nodiscard]] Result<NameParts> SplitEntryName(std::string_view name);

/// Whether a symbolic link that lies in a folder `depth` below the tree stays in it: relative, ".."
/// only at the beginning and at most `depth` times. A ".." behind a name could climb out of what
/// another link leads to, so it is refused even where it looks harmless.
[[nodiscard]] Result<void> CheckLinkTarget(std::string_view target, size_t depth);

/// One extraction's tree. Folders are private to us (0700) until Finish() gives them their modes,
/// so that read-only ones can be filled. No path is ever walked through a link.
class ExtractionTree {
 public:
  /// Opens `root`, making it where it is missing; refuses one that holds something.
  [[nodiscard]] static Result<ExtractionTree> Open(const std::filesystem::path& root);

  [[nodiscard]] Result<void> AddDirectory(const NameParts& name, mode_t mode,
                                          std::timespec modified);
  /// An empty file, open for writing.
  [[nodiscard]] Result<Descriptor> AddFile(const NameParts& name);
  [[nodiscard]] Result<void> AddSymbolicLink(const NameParts& name, const std::string& target,
                                             std::timespec modified);
  /// A second name for a file extracted before.
  [[nodiscard]] Result<void> AddHardLink(const NameParts& name, const NameParts& target);

  /// Gives folders their modes and times: after the last entry.
  [[nodiscard]] Result<void> Finish();

  /// Takes away all that was made.
  void Undo();

 private:
  struct DirectoryState {
    mode_t mode = 0755;
    std::optional<std::timespec> modified;
  };

  ExtractionTree(std::filesystem::path root, Descriptor descriptor, bool made)
      : root_(std::move(root)), descriptor_(std::move(descriptor)), made_root_(made) {}

  Result<int> OpenParent(const NameParts& name, bool make);
  Result<void> FinishDirectory(const NameParts& name, const DirectoryState& state);
  Result<void> MakeRoom(int parent, const std::string& name) const;

  std::filesystem::path root_;
  Descriptor descriptor_;
  bool made_root_;
  std::map<NameParts, DirectoryState> directories_;  // children after their parents
  // Entries come folder by folder: the last one's parent saves the walk. Folders are never
  // replaced, so it stays what it was.
  NameParts last_parent_;
  Descriptor last_parent_descriptor_;
};

}  // namespace berth::storage
