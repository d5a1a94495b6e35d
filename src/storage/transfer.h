// Many objects at a time: a prefix to a directory, a directory to a prefix, or what a caller picks.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "storage/s3_client.h"

namespace berth::storage {

struct Progress {
  uint64_t bytes = 0;        ///< moved so far
  uint64_t total_bytes = 0;  ///< of what is known so far: it grows while a prefix is listed
  uint64_t files = 0;
  uint64_t total_files = 0;
};

struct TransferOptions {
  const Cancellation* cancel = nullptr;
  /// Called after something has moved, from one thread at a time.
  std::function<void(const Progress&)> progress;
};

struct TransferReport {
  uint64_t files = 0;
  uint64_t bytes = 0;
};

/// A queue of files to get and put, worked off in parallel. The first failure stops the rest: what
/// is half way ends without a trace, what is done stays.
class Transfers {
 public:
  /// The client must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<Transfers>> Start(S3Client& client,
                                                                TransferOptions options);
  /// Cancels what is not done.
  ~Transfers();

  /// Queues s3://`bucket`/`object.key` → `to`. Blocks while the queue is full. Fails with the
  /// first failure of any transfer, as Finish() does.
  [[nodiscard]] Result<void> Get(const std::string& bucket, ObjectInfo object,
                                 std::filesystem::path to);
  /// Queues `from` → `to`. `size` decides only when it is its turn.
  [[nodiscard]] Result<void> Put(std::filesystem::path from, uint64_t size, S3Uri to);

  /// Waits until the queue is empty.
  [[nodiscard]] Result<TransferReport> Finish();

 private:
  struct Job;
  Transfers(S3Client& client, TransferOptions options, Cancellation cancel);
  [[nodiscard]] Result<void> Add(Job job);
  void Work();
  Result<void> Do(const Job& job);
  void Stop(Error error);

  S3Client& client_;
  const TransferOptions options_;
  const Cancellation cancel_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  // Two queues: an object that moves in pieces keeps all connections busy alone, and one of them
  // at a time is enough; small ones pass it.
  std::deque<Job> small_;
  std::deque<Job> large_;
  bool large_busy_ = false;
  bool closed_ = false;
  std::optional<Error> failure_;
  Progress progress_;
  TransferReport report_;
  std::vector<std::thread> workers_;

  std::mutex telling_;  // one progress() at a time
};

/// Every object below `prefix` becomes a file below `directory`, which is made even if there is
/// none. An object that is `prefix` itself becomes the file of its last segment. Empty objects
/// that end in '/' become folders.
///
/// Fails, naming the object, where a key cannot be a path (see names.h), where one object's name is
/// the folder of another ("a" and "a/b"), or an object that ends in '/' has content. Nothing that
/// is in the directory already is removed.
[[nodiscard]] Result<TransferReport> DownloadPrefix(S3Client& client, const S3Uri& prefix,
                                                    const std::filesystem::path& directory,
                                                    const TransferOptions& options = {});

/// Every regular file below `directory` becomes an object below `prefix`. Links to files and to
/// folders are followed within the directory (see links.h, also for `seen_as`); those that lead out
/// of it, sockets, devices and FIFOs are left out, and said so in the log; so are files that are
/// gone when it is their turn. Fails, naming it, for a file whose name cannot be a key.
[[nodiscard]] Result<TransferReport> UploadDirectory(S3Client& client,
                                                     const std::filesystem::path& directory,
                                                     const S3Uri& prefix,
                                                     const TransferOptions& options = {},
                                                     std::vector<std::string> seen_as = {});

}  // namespace berth::storage
