#include "storage/partial_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>

#include "core/files.h"

namespace berth::storage {
namespace {

std::string Writing(const std::filesystem::path& path) {
  return fmt::format("cannot write \"{}\"", path.string());
}

}  // namespace

PartialFile::PartialFile(std::filesystem::path target, std::string temporary, Descriptor file)
    : target_(std::move(target)), temporary_(std::move(temporary)), file_(std::move(file)) {}

PartialFile::PartialFile(PartialFile&& other) noexcept
    : target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::move(other.file_)) {}

PartialFile::~PartialFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<PartialFile> PartialFile::Make(const std::filesystem::path& target, uint64_t size) {
  const std::filesystem::path folder = target.parent_path();
  if (!folder.empty()) BERTH_TRY(MakeDirectories(folder));
  // Its own short name, not one made of the target's: that may have all of the 255 bytes.
  uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) return FailErrno(Writing(target));
  std::string temporary = (folder / fmt::format(".berth-{:016x}.part", random)).string();
  Descriptor file(::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file) return FailErrno(Writing(target));
  PartialFile partial(target, std::move(temporary), std::move(file));
  if (size > 0 && ::fallocate(partial.file_.get(), 0, 0, static_cast<off_t>(size)) != 0 &&
      (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
    return FailErrno(fmt::format("{} ({} bytes)", Writing(target), size));
  }
  return partial;
}

Result<void> PartialFile::Write(std::string_view bytes, uint64_t offset) const {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(Writing(target_));
    bytes.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

Result<size_t> PartialFile::Read(char* buffer, size_t size, uint64_t offset) const {
  size_t have = 0;
  while (have < size) {
    const ssize_t n =
        ::pread(file_.get(), buffer + have, size - have, static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(fmt::format("cannot read back \"{}\"", target_.string()));
    if (n == 0) break;
    have += static_cast<size_t>(n);
  }
  return have;
}

Result<void> PartialFile::Commit() {
  // A full disk may show only at close (NFS, quotas).
  if (::close(file_.Release()) != 0) return FailErrno(Writing(target_));
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) return FailErrno(Writing(target_));
  temporary_.clear();
  return {};
}

}  // namespace berth::storage
