#include "usercode/copy_tree.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/log.h"
#include "core/text.h"

namespace berth::usercode {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxDepth = 256;
constexpr mode_t kKeptMode = 0777;

using FileId = std::pair<dev_t, ino_t>;

std::unexpected<Error> FailCopy(const fs::path& path, int reason) {
  return Fail(Error::System(reason, "cannot copy " + Quoted(path.string())));
}

Result<void> SetModeAndTime(const fs::path& path, const struct stat& about) {
  const std::timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, about.st_mtim};
  if (::chmod(path.c_str(), about.st_mode & kKeptMode) != 0 ||
      ::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) {
    return FailCopy(path, errno);
  }
  return {};
}

class Copier {
 public:
  Copier(fs::path root, FileId target) : root_(std::move(root)), target_(std::move(target)) {}

  Result<void> CopyContent(const fs::path& from, const fs::path& to) {
    struct stat about;
    if (::stat(from.c_str(), &about) != 0) return FailCopy(from, errno);
    const FileId id{about.st_dev, about.st_ino};
    // Links that were followed may lead back to where we are.
    if (std::find(open_.begin(), open_.end(), id) != open_.end()) {
      return Fail("cannot copy " + Quoted(from.string()) + ": it is a link to a folder around it");
    }
    if (open_.size() == kMaxDepth) return FailCopy(from, ELOOP);
    BERTH_ASSIGN(const auto paths, PathsIn(from));
    open_.push_back(id);
    for (const fs::path& path : paths) BERTH_TRY(Copy(path, to / path.filename()));
    open_.pop_back();
    return {};
  }

 private:
  static Result<std::vector<fs::path>> PathsIn(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::path> paths;
    for (fs::directory_iterator i(folder, error), end; !error && i != end; i.increment(error)) {
      paths.push_back(i->path());
    }
    if (error) return FailCopy(folder, error.value());
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  Result<void> Copy(const fs::path& from, const fs::path& to) {
    struct stat about;
    if (::lstat(from.c_str(), &about) != 0) return FailCopy(from, errno);
    if (S_ISLNK(about.st_mode)) {
      const bool leads_somewhere = ::stat(from.c_str(), &about) == 0;
      if (!leads_somewhere)
        log::Warning("usercode", "{} is a link that leads nowhere", Quoted(from.string()));
      if (!leads_somewhere || StaysInside(from)) return CopyLink(from, to);
    }
    if (S_ISREG(about.st_mode)) return CopyOneFile(from, to);
    if (S_ISDIR(about.st_mode) && FileId(about.st_dev, about.st_ino) == target_) return {};
    if (S_ISDIR(about.st_mode)) return CopyDirectory(from, to, about);
    log::Warning("usercode", "not copied: {} is a socket, FIFO or device", Quoted(from.string()));
    return {};
  }

  Result<void> CopyDirectory(const fs::path& from, const fs::path& to, const struct stat& about) {
    if (::mkdir(to.c_str(), 0700) != 0) return FailCopy(from, errno);
    BERTH_TRY(CopyContent(from, to));
    return SetModeAndTime(to, about);
  }

  static Result<void> CopyLink(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::copy_symlink(from, to, error);
    if (error) return FailCopy(from, error.value());
    return {};
  }

  bool StaysInside(const fs::path& link) const {
    std::error_code error;
    const fs::path target = fs::read_symlink(link, error);
    if (error || target.is_absolute()) return false;
    const fs::path relative = fs::canonical(link, error).lexically_relative(root_);
    return !error && !relative.empty() && *relative.begin() != "..";
  }

  fs::path root_;  // canonical
  FileId target_;
  std::vector<FileId> open_;  // the folders we are in, outermost first
};

}  // namespace

Result<void> CopyOneFile(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, error);
  if (error) return FailCopy(from, error.value());
  struct stat about;
  if (::stat(from.c_str(), &about) != 0) return FailCopy(from, errno);
  return SetModeAndTime(to, about);
}

Result<void> CopyTree(const fs::path& from, const fs::path& to) {
  std::error_code error;
  const fs::path root = fs::canonical(from, error);
  if (error) return FailCopy(from, error.value());
  struct stat target;
  if (::stat(to.c_str(), &target) != 0) return FailCopy(to, errno);
  return Copier(root, {target.st_dev, target.st_ino}).CopyContent(root, to);
}

}  // namespace berth::usercode
