// Brings a folder, while somebody writes it, file by file to another place, and keeps that so.
//
// What must hold in the end is simple: the target has the last state of every file. What happens
// in between follows from it. An event says only "look at this file": a worker looks, and uploads
// what is there, or deletes what is gone. Events that are lost, doubled or late therefore do no
// harm; a scan finds what they did not tell.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "storage/cancellation.h"
#include "storage/event.h"
#include "storage/folder_watch.h"
#include "storage/sync_target.h"

namespace berth::storage {

struct FolderSyncReport {
  uint64_t files = 0;  ///< uploads; a file that was rewritten counts again
  uint64_t bytes = 0;
  uint64_t deleted = 0;
  uint64_t failures = 0;  ///< that were tried again
  uint64_t scans = 0;

  struct Missing {
    std::string file;    ///< relative
    std::string reason;  ///< a sentence
  };
  /// What the target does not have as it is in the folder: how many, and the first kMaxNamed.
  uint64_t missing = 0;
  uint64_t undeleted = 0;  ///< how many of these should not be there any more
  std::vector<Missing> named;
  /// The folder could not be read to its end, so there may be more.
  bool unread = false;

  bool complete() const { return missing == 0 && !unread; }
};

struct FolderSyncOptions {
  /// What vanishes from the folder is deleted at the target, if it was there from here. Nothing is
  /// deleted because the folder itself is gone.
  bool propagate_deletions = false;

  /// What is in the folder at the start came from the target: only changes are brought there.
  bool existing_is_synced = false;

  /// Where set, links lead nowhere but into the folder, which its writer knows by these absolute
  /// paths (links.h): folders behind links are uploaded as well, by the end at the latest, and a
  /// warning at the end names every link that was not followed. Else links to files are followed
  /// wherever they lead, as the kernel does, and links to folders are not.
  std::optional<std::vector<std::string>> seen_as{};

  /// Files on their way at once.
  size_t parallel = 8;

  /// From a file's first event to its upload. Temporary files that are renamed within this are
  /// never seen, and a file that is written a line at a time is not uploaded for each.
  std::chrono::milliseconds settle{500};

  /// Between scans, where the kernel does not tell what happens (see FolderWatch).
  std::chrono::milliseconds rescan{10'000};

  /// After a failure: doubled each time, at most kRetryLimit. (The target has retried already.)
  std::chrono::milliseconds retry{2'000};

  /// Folders that are watched at most; with more of them the folder is scanned.
  size_t watch_limit = 65'536;

  /// Called about once a second while Finish() waits, on its thread.
  std::function<void(const FolderSyncReport&)> progress{};

  /// In the log.
  std::string component = "storage";
};

/// Make it before the writer starts, and Finish() it after the writer's end. Its threads take no
/// signals. Memory: about 200 bytes for each file in the folder, whatever happened before, and what
/// the target's client takes.
///
/// Regular files and links to such are uploaded, once they have been closed or renamed into place,
/// and not while anybody has them open for writing, as far as the kernel tells; a file that is
/// still open at Finish() as it is then. Folders are not: S3 knows none.
///
/// A failure is written to the log once, and once a minute while it lasts, and tried again.
class FolderSync final : private FolderListener {
 public:
  static constexpr size_t kMaxNamed = 20;
  static constexpr std::chrono::milliseconds kRetryLimit{60'000};

  /// `folder` exists. Fails only where no thread can be started or no descriptor is left.
  [[nodiscard]] static Result<std::unique_ptr<FolderSync>> Start(std::filesystem::path folder,
                                                                 std::unique_ptr<SyncTarget> target,
                                                                 FolderSyncOptions options = {});

  /// Cancels what is under way.
  ~FolderSync() override;

  /// Looks through the folder once more and waits until all of it is there, at most `limit`, or
  /// until `cancel` (may be null). A file that fails three times now, or a target where nothing
  /// succeeds any more, is given up before. Returns within a second of either. Once.
  [[nodiscard]] FolderSyncReport Finish(std::chrono::milliseconds limit,
                                        const Cancellation* cancel = nullptr);

  /// So far; `missing` is what waits or is on its way.
  FolderSyncReport Progress();

 private:
  using Clock = std::chrono::steady_clock;
  struct Known;
  struct Item;
  struct Attempt;

  FolderSync(std::filesystem::path folder, std::unique_ptr<SyncTarget> target,
             FolderSyncOptions options, Cancellation cancel, Cancellation stop_watching,
             Event idle);

  void Changed(const std::string& file) override;
  void Seen(const std::string& file, const struct stat& about) override;
  void Elsewhere(const std::string& folder) override;

  void Scan(Clock::time_point until, const Cancellation* stop);
  void Watch();
  void Work();
  Attempt Look(const std::string& file);
  Attempt Upload(const std::string& file, int descriptor, const struct stat& about, int64_t now);
  Attempt Remove(const std::string& file);

  // These under mutex_.
  void Touch(const std::string& file, Clock::duration delay);
  void Schedule(const std::string& file, Item& item, Clock::duration delay);
  void Conclude(const std::string& file, Attempt attempt);
  void Failed(const std::string& file, Item& item, Attempt& attempt);
  void TellFailure(const Error& error);
  void CheckIdle();
  FolderSyncReport Report();

  const std::filesystem::path folder_;
  const std::unique_ptr<SyncTarget> target_;
  const FolderSyncOptions options_;
  const Cancellation cancel_;         // of uploads
  const Cancellation stop_watching_;  // of the watching thread
  const Event idle_;                  // finishing, and nothing is left to do

  std::optional<LinkedFolder> links_;

  FolderWatch watch_;  // the watching thread's; after that, Finish()'s
  bool first_scan_ = true;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<std::string, Known> known_;  // what the target has, or may have
  std::map<std::string, Item> items_;   // what must be looked at
  std::map<std::pair<Clock::time_point, uint64_t>, std::string> queue_;  // those not being so
  uint64_t next_order_ = 0;
  uint64_t scan_ = 0;  // number of the present scan
  bool finishing_ = false;
  bool stopping_ = false;
  bool unread_ = false;
  size_t failures_in_a_row_ = 0;
  std::string last_;                       // failure
  std::optional<Clock::time_point> told_;  // in the log, of the present failure
  FolderSyncReport report_;

  std::thread watcher_;
  std::vector<std::thread> workers_;
};

}  // namespace berth::storage
