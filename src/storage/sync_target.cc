#include "storage/sync_target.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <vector>

#include "storage/names.h"
#include "storage/partial_file.h"
#include "storage/s3_client.h"

namespace berth::storage {
namespace fs = std::filesystem;
namespace {

class S3Target final : public SyncTarget {
 public:
  S3Target(S3Uri prefix, Settings settings)
      : prefix_(std::move(prefix)), settings_(std::move(settings)) {}

  Result<std::string> Place(const std::string& file) const override {
    BERTH_ASSIGN(const S3Uri object, ObjectOf(file, prefix_));
    return object.Text();
  }

  Result<void> Put(int descriptor, const std::string& file, const Cancellation& cancel) override {
    BERTH_ASSIGN(const S3Uri object, ObjectOf(file, prefix_));
    BERTH_ASSIGN(S3Client* const client, Client());
    return client->PutDescriptor(descriptor, file, object, {.cancel = &cancel, .moved = {}});
  }

  Result<void> Delete(const std::string& file, const Cancellation& cancel) override {
    BERTH_ASSIGN(const S3Uri object, ObjectOf(file, prefix_));
    BERTH_ASSIGN(S3Client* const client, Client());
    return client->Delete(object, {.cancel = &cancel, .moved = {}});
  }

 private:
  Result<S3Client*> Client() {
    const std::lock_guard lock(mutex_);
    if (!client_) {
      BERTH_ASSIGN(client_, S3Client::Open(settings_));
    }
    return client_.get();
  }

  const S3Uri prefix_;
  const Settings settings_;
  std::mutex mutex_;  // guards client_, which once set stays
  std::unique_ptr<S3Client> client_;
};

class DirectoryTarget final : public SyncTarget {
 public:
  explicit DirectoryTarget(fs::path directory) : directory_(std::move(directory)) {}

  Result<std::string> Place(const std::string& file) const override {
    return (directory_ / file).string();
  }

  Result<void> Put(int descriptor, const std::string& file, const Cancellation& cancel) override {
    // A file that changes meanwhile is copied again; that often at most.
    for (int attempt = 0; attempt < 3; ++attempt) {
      struct stat before;
      struct stat after;
      if (::fstat(descriptor, &before) != 0) return FailErrno(Reading(file));
      BERTH_ASSIGN(PartialFile copy,
                   PartialFile::Make(directory_ / file, static_cast<uint64_t>(before.st_size)));
      BERTH_TRY(Copy(descriptor, file, static_cast<uint64_t>(before.st_size), copy, cancel));
      if (::fstat(descriptor, &after) != 0) return FailErrno(Reading(file));
      if (before.st_size == after.st_size && Same(before.st_mtim, after.st_mtim) &&
          Same(before.st_ctim, after.st_ctim)) {
        return copy.Commit();
      }
    }
    return Fail(fmt::format("\"{}\" keeps changing while it is copied", file), EAGAIN);
  }

  Result<void> Delete(const std::string& file, const Cancellation& /*cancel*/) override {
    const fs::path path = directory_ / file;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) {
      return FailErrno(fmt::format("cannot delete \"{}\"", path.string()));
    }
    // As in S3, a folder is there as long as it holds something.
    for (fs::path folder = fs::path(file).parent_path(); !folder.empty();
         folder = folder.parent_path()) {
      if (::rmdir((directory_ / folder).c_str()) != 0) break;
    }
    return {};
  }

 private:
  static std::string Reading(const std::string& file) {
    return fmt::format("cannot read \"{}\"", file);
  }

  static bool Same(const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
  }

  static Result<void> Copy(int descriptor, const std::string& file, uint64_t size,
                           const PartialFile& copy, const Cancellation& cancel) {
    std::vector<char> buffer(size_t{256} << 10);
    uint64_t at = 0;
    while (at < size) {
      if (cancel.cancelled()) return Fail("cancelled", ECANCELED);
      const ssize_t n = ::pread(descriptor, buffer.data(), buffer.size(), static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return FailErrno(Reading(file));
      if (n == 0) break;  // it became shorter, which its size will say
      BERTH_TRY(copy.Write({buffer.data(), static_cast<size_t>(n)}, at));
      at += static_cast<uint64_t>(n);
    }
    return {};
  }

  const fs::path directory_;
};

}  // namespace

std::unique_ptr<SyncTarget> MakeSyncTarget(Uri place, Settings settings) {
  if (auto* prefix = std::get_if<S3Uri>(&place)) {
    return std::make_unique<S3Target>(std::move(*prefix), std::move(settings));
  }
  return std::make_unique<DirectoryTarget>(std::get<FileUri>(std::move(place)).path);
}

}  // namespace berth::storage
