#include "storage/sync_target.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string_view>
#include <vector>

#include "storage/file_state.h"
#include "storage/names.h"
#include "storage/partial_file.h"
#include "storage/s3_client.h"

namespace berth::storage {
namespace fs = std::filesystem;
namespace {

class S3Target final : public SyncTarget {
 public:
  S3Target(S3Uri prefix, Settings settings)
      : prefix_(std::move(prefix)), settings_(std::move(settings)) {
    settings_.retry_least = {};  // FolderSync tries again itself, and knows how long
  }

  Result<std::string> Place(const std::string& file) const override {
    BERTH_ASSIGN(const S3Uri object, ObjectOf(file, prefix_));
    return object.Text();
  }

  Result<void> Put(int descriptor, const std::string& file, const Cancellation& cancel) override {
    BERTH_ASSIGN(const S3Uri object, ObjectOf(file, prefix_));
    BERTH_ASSIGN(S3Client* const client, Client(cancel));
    return client->PutDescriptor(descriptor, file, object, {.cancel = &cancel, .moved = {}});
  }

  Result<void> Delete(const std::string& file, const Cancellation& cancel) override {
    BERTH_ASSIGN(const S3Uri object, ObjectOf(file, prefix_));
    BERTH_ASSIGN(S3Client* const client, Client(cancel));
    return client->Delete(object, {.cancel = &cancel, .moved = {}});
  }

 private:
  Result<S3Client*> Client(const Cancellation& cancel) {
    const std::lock_guard lock(mutex_);
    if (!client_) {
      BERTH_ASSIGN(client_, S3Client::Open(settings_, &cancel));
    }
    return client_.get();
  }

  const S3Uri prefix_;
  Settings settings_;
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
      const int64_t now = FileClock();
      BERTH_ASSIGN(const FileState before, StateOf(descriptor, file));
      const auto size = static_cast<uint64_t>(before.size);
      BERTH_ASSIGN(PartialFile copy, PartialFile::Make(directory_ / file, size));
      BERTH_TRY(Pass(descriptor, file, size, cancel, [&copy](std::string_view bytes, uint64_t at) {
        return copy.Write(bytes, at);
      }));
      bool still = true;
      // Where its times could hide a change, its bytes tell.
      if (!before.Settled(now)) {
        BERTH_TRY(Pass(descriptor, file, size, cancel,
                       [&](std::string_view bytes, uint64_t at) -> Result<void> {
                         std::string copied(bytes.size(), '\0');
                         BERTH_ASSIGN(const size_t n, copy.Read(copied.data(), copied.size(), at));
                         still = still && n == bytes.size() && copied == bytes;
                         return {};
                       }));
      }
      BERTH_ASSIGN(const FileState after, StateOf(descriptor, file));
      if (still && after == before) return copy.Commit();
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

  static Result<FileState> StateOf(int descriptor, const std::string& file) {
    struct stat about;
    if (::fstat(descriptor, &about) != 0) return FailErrno(Reading(file));
    return FileState::Of(about);
  }

  // The file's first `size` bytes, in blocks.
  static Result<void> Pass(int descriptor, const std::string& file, uint64_t size,
                           const Cancellation& cancel,
                           const std::function<Result<void>(std::string_view, uint64_t)>& to) {
    std::vector<char> buffer(size_t{256} << 10);
    uint64_t at = 0;
    while (at < size) {
      if (cancel.cancelled()) return Fail("cancelled", ECANCELED);
      const ssize_t n = ::pread(descriptor, buffer.data(), buffer.size(), static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return FailErrno(Reading(file));
      if (n == 0) break;  // it became shorter, which its size will say
      BERTH_TRY(to({buffer.data(), static_cast<size_t>(n)}, at));
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
