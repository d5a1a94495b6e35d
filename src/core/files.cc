#include "core/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "core/descriptor.h"

namespace berth {
namespace fs = std::filesystem;
namespace {

std::string Quoted(std::string_view verb, const fs::path& path) {
  return fmt::format("cannot {} \"{}\"", verb, path.string());
}

}  // namespace

Result<std::string> ReadFile(const fs::path& path, size_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return FailErrno(Quoted("open", path));
  struct stat about;
  if (::fstat(file.get(), &about) != 0) return FailErrno(Quoted("read", path));
  if (S_ISDIR(about.st_mode)) return Fail(Error::System(EISDIR, Quoted("read", path)));

  std::string bytes;
  // One more than its size, so that the end is seen by the first read of a regular file.
  size_t step = S_ISREG(about.st_mode) ? static_cast<size_t>(about.st_size) + 1 : 4096;
  // Files of /proc say that they are empty, and some of them give all they hold in one read only.
  step = std::min(std::max<size_t>(step, 4096), limit + 1);
  for (;;) {
    const size_t had = bytes.size();
    bytes.resize(had + step);
    const ssize_t n = ::read(file.get(), bytes.data() + had, step);
    if (n < 0 && errno != EINTR) return FailErrno(Quoted("read", path));
    bytes.resize(had + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n == 0) return bytes;
    if (bytes.size() > limit) {
      return Fail(fmt::format("{}: it holds more than {} bytes", Quoted("read", path), limit),
                  EFBIG);
    }
    step = std::min(std::max<size_t>(bytes.size(), 4096), limit + 1 - bytes.size());
  }
}

Result<void> WriteFile(const fs::path& path, std::string_view bytes, unsigned mode) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!file) return FailErrno(Quoted("write", path));
  if (auto written = WriteAll(file.get(), bytes.data(), bytes.size()); !written) {
    return Fail(Error::System(written.error().system_error(), Quoted("write", path)));
  }
  // A full disk may show only at close (NFS, quotas).
  if (::close(file.Release()) != 0) return FailErrno(Quoted("write", path));
  return {};
}

Result<void> WriteFileAtomically(const fs::path& path, std::string_view bytes, unsigned mode) {
  std::string temporary = path.string() + ".XXXXXX.tmp";
  Descriptor file(::mkostemps(temporary.data(), 4, O_CLOEXEC));
  if (!file) return FailErrno(Quoted("write", path));
  const auto give_up = [&](int cause) {
    ::unlink(temporary.c_str());
    return Fail(Error::System(cause, Quoted("write", path)));
  };
  if (auto written = WriteAll(file.get(), bytes.data(), bytes.size()); !written) {
    return give_up(written.error().system_error());
  }
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(file.get(), mode & ~mask) != 0) return give_up(errno);
  if (::close(file.Release()) != 0) return give_up(errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up(errno);
  return {};
}

Result<void> MakeDirectories(const fs::path& path) {
  std::error_code cause;
  fs::create_directories(path, cause);
  // create_directories() also fails where a link to a directory stands in the way.
  std::error_code unknown;
  if (cause && !fs::is_directory(path, unknown)) {
    return Fail(Error::System(cause.value(), Quoted("make the directory", path)));
  }
  return {};
}

void RemoveContent(const fs::path& folder) {
  std::error_code ignored;
  // A range-for over it would throw where reading on fails.
  for (fs::directory_iterator entry(folder, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    std::error_code kept;
    fs::remove_all(entry->path(), kept);
  }
}

std::vector<std::string> ListFiles(const fs::path& root, size_t limit) {
  std::vector<std::string> files;
  std::error_code ignored;
  fs::recursive_directory_iterator entry(root, fs::directory_options::skip_permission_denied,
                                         ignored);
  for (; entry != fs::recursive_directory_iterator() && files.size() < limit;
       entry.increment(ignored)) {
    if (entry->is_directory(ignored) && !entry->is_symlink(ignored)) continue;
    files.push_back(entry->path().lexically_relative(root).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<TemporaryDirectory> TemporaryDirectory::Make(std::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string path =
      fmt::format("{}/{}-XXXXXX", base != nullptr && *base != '\0' ? base : "/tmp", prefix);
  if (::mkdtemp(path.data()) == nullptr) return FailErrno(Quoted("make the directory", path));
  return TemporaryDirectory(path);
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace berth
