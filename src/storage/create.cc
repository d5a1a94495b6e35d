#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "core/descriptor.h"
#include "core/text.h"
#include "storage/archive.h"
#include "storage/extraction_tree.h"
#include "storage/tar_writer.h"

namespace berth::storage {
namespace fs = std::filesystem;
namespace {

constexpr size_t kBufferBytes = size_t{256} << 10;
// Beyond this a folder is in itself (a bind mount), or nobody can extract it.
constexpr size_t kMaxDepth = 256;
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::string What(std::string_view verb, const std::string& name) {
  return fmt::format("cannot {} {}", verb, Quoted(name));
}

/// Names in an open folder, in byte order.
Result<std::vector<std::string>> NamesIn(int directory) {
  const int copy = ::openat(directory, ".", kOpenDirectory);
  if (copy < 0) return FailErrno("cannot list it");
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(copy), ::closedir);
  if (!entries) return FailErrno("cannot list it");
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(entries.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

using FileId = std::pair<dev_t, ino_t>;

class Packer {
 public:
  /// `skipped` are the archive itself and what it will replace, should they lie in the directory.
  Packer(TarWriter& writer, std::vector<FileId> skipped)
      : writer_(writer), skipped_(std::move(skipped)) {}

  /// Packs what the open folder holds. `prefix` is its name in the archive with a slash, or empty.
  Result<void> PackFolder(int folder, const std::string& prefix, size_t depth) {
    auto names = NamesIn(folder);
    if (!names) return Fail(names.error().Within(What("read", prefix.empty() ? "." : prefix)));
    for (const std::string& name : *names) BERTH_TRY(Pack(folder, name, prefix + name, depth));
    return {};
  }

  CreateReport& report() { return report_; }

 private:
  Result<void> Pack(int folder, const std::string& name, const std::string& path, size_t depth) {
    struct stat about;
    if (::fstatat(folder, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return Vanished(path);
      return FailErrno(What("read", path));
    }
    const FileId id{about.st_dev, about.st_ino};
    if (std::find(skipped_.begin(), skipped_.end(), id) != skipped_.end()) return {};
    switch (about.st_mode & S_IFMT) {
      case S_IFDIR:
        return PackDirectory(folder, name, path, depth);
      case S_IFREG:
        return PackFile(folder, name, path);
      case S_IFLNK:
        return PackLink(folder, name, path, about, depth);
      default:
        Warn(fmt::format("{} was left out: it is a socket, FIFO or device", Quoted(path)));
    }
    return {};
  }

  Result<void> PackDirectory(int folder, const std::string& name, const std::string& path,
                             size_t depth) {
    if (depth == kMaxDepth) {
      return Fail(fmt::format("{} is nested deeper than {} folders", Quoted(path), kMaxDepth));
    }
    const Descriptor opened(::openat(folder, name.c_str(), kOpenDirectory));
    if (!opened && errno == ENOENT) return Vanished(path);
    struct stat about;
    if (!opened || ::fstat(opened.get(), &about) != 0) return FailErrno(What("read", path));
    BERTH_TRY(Within(path, writer_.AddDirectory(path, about.st_mode, about.st_mtime)));
    ++report_.entries;
    return PackFolder(opened.get(), path + "/", depth + 1);
  }

  Result<void> PackLink(int folder, const std::string& name, const std::string& path,
                        const struct stat& about, size_t depth) {
    std::string target(4096, '\0');
    const ssize_t n = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (n < 0 && errno == ENOENT) return Vanished(path);
    if (n < 0) return FailErrno(What("read", path));
    target.resize(static_cast<size_t>(n));
    if (target.starts_with('/')) {
      Warn(
          fmt::format("{} is a link to an absolute path, {}, and stays one: make it relative, or "
                      "it leads nowhere where the archive is extracted elsewhere",
                      Quoted(path), Quoted(target)));
    } else if (!CheckLinkTarget(target, depth)) {
      Warn(
          fmt::format("{} is a link that leads out of the directory, to {}: what it links to is "
                      "not in the archive",
                      Quoted(path), Quoted(target)));
    }
    BERTH_TRY(Within(path, writer_.AddSymbolicLink(path, target, about.st_mtime)));
    ++report_.entries;
    return {};
  }

  Result<void> PackFile(int folder, const std::string& name, const std::string& path) {
    // O_NONBLOCK: it may have become a FIFO since we looked.
    const Descriptor file(
        ::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file && errno == ENOENT) return Vanished(path);
    struct stat about;
    if (!file || ::fstat(file.get(), &about) != 0) return FailErrno(What("read", path));
    if (!S_ISREG(about.st_mode)) return Vanished(path);
    const auto size = static_cast<uint64_t>(about.st_size);
    BERTH_TRY(Within(path, writer_.AddFile(path, size, about.st_mode, about.st_mtime)));
    BERTH_TRY(CopyContent(file.get(), size, path));
    ++report_.entries;
    report_.bytes += size;
    return {};
  }

  Result<void> CopyContent(int file, uint64_t size, const std::string& path) {
    uint64_t left = size;
    for (;;) {
      // One byte more than there should be tells that it grew.
      const ssize_t n = ::read(file, buffer_.data(), left > 0 ? buffer_.size() : 1);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return FailErrno(What("read", path));
      const uint64_t used = std::min(left, static_cast<uint64_t>(n));
      BERTH_TRY(Within(path, writer_.Write(std::span(buffer_).first(used))));
      left -= used;
      if (n == 0 || static_cast<uint64_t>(n) > used) {
        if (n > 0) Warn(fmt::format("{} grew while it was read: cut", Quoted(path)));
        if (left > 0) Warn(fmt::format("{} shrank while it was read: padded", Quoted(path)));
        return {};
      }
    }
  }

  static Result<void> Within(const std::string& path, Result<void> result) {
    if (!result) return Fail(result.error().Within(What("pack", path)));
    return result;
  }

  Result<void> Vanished(const std::string& path) {
    Warn(fmt::format("{} was left out: it vanished while the archive was made", Quoted(path)));
    return {};
  }

  void Warn(std::string warning) {
    if (report_.warnings.size() < kMaxWarnings) report_.warnings.push_back(std::move(warning));
  }

  TarWriter& writer_;
  std::vector<FileId> skipped_;
  CreateReport report_;
  std::vector<char> buffer_ = std::vector<char>(kBufferBytes);
};

/// A file that is deleted again unless it is Keep()t under its name.
class PendingFile {
 public:
  static Result<PendingFile> Make(const fs::path& final_path) {
    uint64_t random = 0;
    if (::getrandom(&random, sizeof(random), 0) != sizeof(random)) {
      return FailErrno("cannot name a file beside it");
    }
    std::string name = fmt::format("{}.{:016x}.tmp", final_path.string(), random);
    Descriptor file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file) return FailErrno("cannot make a file beside it");
    return PendingFile(std::move(name), std::move(file));
  }
  PendingFile(PendingFile&& other) noexcept
      : name_(std::exchange(other.name_, {})), file_(std::move(other.file_)) {}
  PendingFile& operator=(PendingFile&&) = delete;
  ~PendingFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }

  int get() const { return file_.get(); }

  Result<void> Keep(const fs::path& final_path) {
    // A full disk may show only at close (NFS, quotas).
    if (::close(file_.Release()) != 0 || ::rename(name_.c_str(), final_path.c_str()) != 0) {
      return FailErrno("cannot put it in place");
    }
    name_.clear();
    return {};
  }

 private:
  PendingFile(std::string name, Descriptor file) : name_(std::move(name)), file_(std::move(file)) {}
  std::string name_;
  Descriptor file_;
};

Result<CreateReport> Create(const fs::path& directory, const fs::path& output) {
  const Descriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return FailErrno(fmt::format("cannot open \"{}\"", directory.string()));
  BERTH_ASSIGN(PendingFile file, PendingFile::Make(output));
  std::vector<FileId> skipped;
  struct stat about;
  if (::fstat(file.get(), &about) == 0) skipped.emplace_back(about.st_dev, about.st_ino);
  if (::stat(output.c_str(), &about) == 0) skipped.emplace_back(about.st_dev, about.st_ino);
  TarWriter writer(file.get());
  Packer packer(writer, std::move(skipped));
  BERTH_TRY(packer.PackFolder(folder.get(), "", 0));
  BERTH_TRY(writer.Close());
  BERTH_TRY(file.Keep(output));
  return std::move(packer.report());
}

}  // namespace

Result<CreateReport> CreateTarGz(const fs::path& directory, const fs::path& output) {
  auto report = Create(directory, output);
  if (!report) {
    return Fail(report.error().Within(fmt::format("cannot make \"{}\"", output.string())));
  }
  return report;
}

}  // namespace berth::storage
