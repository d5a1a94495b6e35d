#include "platform/merge_trees.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "core/descriptor.h"
#include "core/files.h"
#include "storage/archive.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

/// Fills the buffer but for the end of the file. 0 also where it cannot be read.
size_t Fill(int fd, std::span<char> buffer) {
  size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t n = ::read(fd, buffer.data() + size, buffer.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    size += static_cast<size_t>(n);
  }
  return size;
}

bool SameContent(const fs::path& a, const fs::path& b) {
  const Descriptor one(::open(a.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  const Descriptor other(::open(b.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (!one || !other) return false;
  std::vector<char> left(size_t{256} << 10);
  std::vector<char> right(left.size());
  for (;;) {
    const size_t n = Fill(one.get(), left);
    if (Fill(other.get(), right) != n) return false;
    if (!std::equal(left.begin(), left.begin() + static_cast<ptrdiff_t>(n), right.begin())) {
      return false;
    }
    if (n < left.size()) return true;
  }
}

/// Whether it matters which of the two is kept.
bool AreSame(const fs::path& a, const struct stat& about_a, const fs::path& b,
             const struct stat& about_b) {
  if ((about_a.st_mode & S_IFMT) != (about_b.st_mode & S_IFMT)) return false;
  if (S_ISLNK(about_a.st_mode)) {
    std::error_code unknown;
    return fs::read_symlink(a, unknown) == fs::read_symlink(b, unknown);
  }
  return S_ISREG(about_a.st_mode) && about_a.st_size == about_b.st_size && SameContent(a, b);
}

/// Lets us change what is in a folder that its owner made read-only, and puts that back.
class Opened {
 public:
  Opened(fs::path folder, mode_t mode) : folder_(std::move(folder)), mode_(mode) {
    if ((mode_ & S_IRWXU) != S_IRWXU) ::chmod(folder_.c_str(), (mode_ | S_IRWXU) & 07777);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() {
    if ((mode_ & S_IRWXU) != S_IRWXU) ::chmod(folder_.c_str(), mode_ & 07777);
  }

 private:
  fs::path folder_;
  mode_t mode_;
};

class Merge {
 public:
  explicit Merge(std::span<const HostFolder> folders) : folders_(folders) {}

  Result<std::vector<std::string>> Run() {
    BERTH_TRY(MakeDirectories(folders_.front().folder));
    for (const HostFolder& next : folders_.subspan(1)) {
      struct stat about;
      if (::lstat(next.folder.c_str(), &about) != 0 || !S_ISDIR(about.st_mode)) continue;
      BERTH_TRY(Folder(next, ""));
    }
    return std::move(warnings_);
  }

 private:
  /// `name` is relative to both.
  Result<void> Folder(const HostFolder& from, const fs::path& name) {
    const fs::path into = folders_.front().folder / name;
    const fs::path source = from.folder / name;
    struct stat about_into;
    struct stat about_source;
    if (::lstat(into.c_str(), &about_into) != 0 || ::lstat(source.c_str(), &about_source) != 0) {
      return FailErrno(fmt::format("cannot look at \"{}\"", source.string()));
    }
    const Opened open_into(into, about_into.st_mode);
    const Opened open_source(source, about_source.st_mode);
    std::error_code cause;
    std::vector<fs::path> entries;
    for (fs::directory_iterator entry(source, cause); !cause && entry != fs::directory_iterator();
         entry.increment(cause)) {
      entries.push_back(entry->path().filename());
    }
    if (cause) {
      return Fail(Error::System(cause.value(), fmt::format("cannot read \"{}\"", source.string())));
    }
    std::ranges::sort(entries);
    for (const fs::path& entry : entries) BERTH_TRY(Entry(from, name / entry));
    return {};
  }

  Result<void> Entry(const HostFolder& from, const fs::path& name) {
    const fs::path into = folders_.front().folder / name;
    const fs::path source = from.folder / name;
    struct stat about_into;
    struct stat about_source;
    if (::lstat(source.c_str(), &about_source) != 0) {
      return FailErrno(fmt::format("cannot look at \"{}\"", source.string()));
    }
    if (::lstat(into.c_str(), &about_into) != 0) {
      if (::rename(source.c_str(), into.c_str()) != 0) {
        return FailErrno(fmt::format("cannot move \"{}\"", source.string()));
      }
      owners_[name] = &from;
      return {};
    }
    if (S_ISDIR(about_into.st_mode) && S_ISDIR(about_source.st_mode)) return Folder(from, name);
    if (AreSame(into, about_into, source, about_source)) return {};
    if (warnings_.size() < storage::kMaxWarnings) {
      warnings_.push_back(fmt::format("{} and {} both wrote \"{}\": that of {} is kept",
                                      OwnerOf(name).host, from.host, name.string(),
                                      OwnerOf(name).host));
    }
    return {};
  }

  /// The host whose folder this, or what it lies in, came from.
  const HostFolder& OwnerOf(fs::path name) const {
    for (; !name.empty(); name = name.parent_path()) {
      const auto owner = owners_.find(name);
      if (owner != owners_.end()) return *owner->second;
    }
    return folders_.front();
  }

  std::span<const HostFolder> folders_;
  /// Of what was moved.
  std::map<fs::path, const HostFolder*> owners_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<std::vector<std::string>> MergeFolders(std::span<const HostFolder> folders) {
  return Merge(folders).Run();
}

}  // namespace berth::platform
