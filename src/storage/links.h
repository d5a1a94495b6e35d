// Links in a folder, followed as its writer sees them, and never out of it.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"

namespace berth::storage {

/// A folder that a job wrote, under a name that may be another here: links there may be absolute
/// ("/opt/ml/model/best"), and what they would lead to on this machine is none of the job's.
/// All paths are relative to the folder; "" is the folder itself. From any thread.
class LinkedFolder {
 public:
  /// `seen_as`: the absolute paths under which the writer knows the folder.
  LinkedFolder(std::filesystem::path folder, std::vector<std::string> seen_as);

  /// What the path leads to, as a path without any link on the way. Fails with EXDEV where it
  /// leads out of the folder, ELOOP after 40 links, and as lstat() does.
  [[nodiscard]] Result<std::string> Resolve(std::string_view path) const;

  /// Opens a file for reading, without waiting, and follows links as Resolve() does; nobody who
  /// changes them meanwhile leads it astray. An invalid descriptor and errno where it cannot.
  [[nodiscard]] Descriptor Open(std::string_view path) const;

  struct Visitor {
    /// A regular file: the name it goes by, and what it is (the same, but for links).
    std::function<Result<void>(const std::string& name, const std::string& real,
                               const struct stat& about)>
        file;
    /// What cannot be followed, or is no regular file, and why: half a sentence.
    std::function<void(const std::string& name, const std::string& why)> left_out;
  };

  /// Everything below `path`, or what it itself is. What a link leads to is visited under the
  /// link's name, folders as well, but no folder within itself, and at most kMaxFolderLinks of
  /// them. Fails where a folder cannot be read, or with the first failure of `file`.
  [[nodiscard]] Result<void> Walk(const std::string& path, const Visitor& visitor) const;

  static constexpr size_t kMaxFolderLinks = 1'000;

 private:
  struct Walking;
  Result<void> Visit(Walking& walking, const std::string& name, const std::string& real) const;
  Result<void> VisitLink(Walking& walking, const std::string& name, const std::string& real) const;

  const std::filesystem::path folder_;
  std::vector<std::string> seen_as_;  // without slashes at the end
};

}  // namespace berth::storage
