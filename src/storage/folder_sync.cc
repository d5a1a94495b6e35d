#include "storage/folder_sync.h"

#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "core/log.h"
#include "storage/folder_sync_state.h"
#include "storage/runtime.h"

namespace berth::storage {
namespace {

using std::chrono::milliseconds;

/// In the log: a failure that lasts, and uploads that are waited for, are told that often.
constexpr milliseconds kTellAgain{60'000};
constexpr milliseconds kProgress{1'000};
/// At the least between two looks at a file that somebody has open for writing.
constexpr milliseconds kLookAgain{50};
/// Attempts for each file at the end.
constexpr int kLastAttempts = 3;

}  // namespace

Result<std::unique_ptr<FolderSync>> FolderSync::Start(std::filesystem::path folder,
                                                      std::unique_ptr<SyncTarget> target,
                                                      FolderSyncOptions options) {
  BERTH_ASSIGN(Cancellation cancel, Cancellation::Make());
  BERTH_ASSIGN(Cancellation stop_watching, Cancellation::Make());
  BERTH_ASSIGN(Event idle, Event::Make());
  std::unique_ptr<FolderSync> sync(new FolderSync(std::move(folder), std::move(target),
                                                  std::move(options), std::move(cancel),
                                                  std::move(stop_watching), std::move(idle)));
  // Before the writer starts: nothing it does is missed.
  sync->Scan(Clock::time_point::max(), nullptr);
  sync->first_scan_ = false;
  const SignalsBlocked blocked;
  try {
    for (size_t i = 0; i < std::max<size_t>(sync->options_.parallel, 1); ++i) {
      sync->workers_.emplace_back([&self = *sync] { self.Work(); });
    }
    sync->watcher_ = std::thread([&self = *sync] { self.Watch(); });
  } catch (const std::system_error& error) {
    return Fail(Error::System(error.code().value(), "cannot start a thread"));
  }
  return sync;
}

FolderSync::FolderSync(std::filesystem::path folder, std::unique_ptr<SyncTarget> target,
                       FolderSyncOptions options, Cancellation cancel, Cancellation stop_watching,
                       Event idle)
    : folder_(std::move(folder)),
      target_(std::move(target)),
      options_(std::move(options)),
      cancel_(std::move(cancel)),
      stop_watching_(std::move(stop_watching)),
      idle_(std::move(idle)),
      links_(options_.seen_as
                 ? std::optional<LinkedFolder>(std::in_place, folder_, *options_.seen_as)
                 : std::nullopt),
      watch_(folder_, *this, options_.watch_limit, options_.component,
             links_ ? &*links_ : nullptr) {}

FolderSync::~FolderSync() {
  stop_watching_.Cancel();
  cancel_.Cancel();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (watcher_.joinable()) watcher_.join();
  for (std::thread& worker : workers_) worker.join();
}

// ---- Watching: which files are to be looked at.

void FolderSync::Watch() {
  while (!stop_watching_.cancelled()) {
    pollfd watched[2] = {{stop_watching_.descriptor(), POLLIN, 0},
                         {watch_.descriptor(), POLLIN, 0}};
    const int timeout = watch_.watches_all() ? -1 : static_cast<int>(options_.rescan.count());
    const int ready = ::poll(watched, 2, timeout);
    if (watched[0].revents != 0) return;
    if (ready > 0 && watched[1].revents != 0) watch_.Take();
    if (watch_.overflowed()) {
      log::Debug(options_.component, "events of \"{}\" were lost: looking through it",
                 folder_.string());
    }
    if (watch_.overflowed() || ready == 0) Scan(Clock::time_point::max(), &stop_watching_);
  }
}

void FolderSync::Scan(Clock::time_point until, const Cancellation* stop) {
  {
    const std::lock_guard lock(mutex_);
    ++scan_;
    ++report_.scans;
  }
  const bool complete =
      watch_.Scan([&] { return (stop != nullptr && stop->cancelled()) || Clock::now() > until; });
  const std::lock_guard lock(mutex_);
  unread_ = !complete;
  if (!complete) return;
  for (const auto& [file, known] : known_) {
    if (known.scan != scan_) Touch(file, Clock::duration::zero());
  }
}

void FolderSync::Changed(const std::string& file) {
  const std::lock_guard lock(mutex_);
  Touch(file, options_.settle);
}

void FolderSync::Seen(const std::string& file, const struct stat& about) {
  const FileState state = FileState::Of(about);
  const std::lock_guard lock(mutex_);
  if (first_scan_ && options_.existing_is_synced) {
    known_[file] = {.state = state, .refused = {}, .scan = scan_};
    return;
  }
  if (const auto found = known_.find(file); found != known_.end()) {
    found->second.scan = scan_;
    if (found->second.state == state) return;
  }
  // Perhaps somebody is still writing it.
  const auto age = std::chrono::nanoseconds(std::max<int64_t>(FileClock() - state.modified, 0));
  Touch(file, std::max<Clock::duration>(options_.settle - age, Clock::duration::zero()));
}

void FolderSync::Elsewhere(const std::string& folder) {
  const std::string below = folder + '/';
  const std::lock_guard lock(mutex_);
  for (auto file = known_.lower_bound(below);
       file != known_.end() && file->first.starts_with(below); ++file) {
    Touch(file->first, options_.settle);
  }
}

// ---- The queue: when, and in which order.

void FolderSync::Touch(const std::string& file, Clock::duration delay) {
  const auto [found, added] = items_.try_emplace(file);
  if (added) {
    Schedule(file, found->second, delay);
  } else if (found->second.running) {
    found->second.again = true;
  }
}

void FolderSync::Schedule(const std::string& file, Item& item, Clock::duration delay) {
  item.running = false;
  item.again = false;
  item.due = Clock::now() + delay;
  item.order = next_order_++;
  queue_.emplace(std::pair(item.due, item.order), file);
  changed_.notify_one();
}

void FolderSync::Work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (queue_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto next = queue_.begin();
    if (const Clock::time_point due = next->first.first; due > Clock::now()) {
      changed_.wait_until(lock, due);
      continue;
    }
    const std::string file = std::move(next->second);
    queue_.erase(next);
    items_.at(file).running = true;
    if (!queue_.empty()) changed_.notify_one();  // somebody must wait for the next one
    lock.unlock();
    const auto began = Clock::now();
    Attempt attempt = Look(file);
    attempt.took = Clock::now() - began;
    lock.lock();
    Conclude(file, std::move(attempt));
  }
}

void FolderSync::Conclude(const std::string& file, Attempt attempt) {
  Item& item = items_.at(file);
  switch (attempt.end) {
    case Attempt::kDone:
      // What changes all the time takes at most half of our time.
      if (item.again) {
        item.failures = 0;
        Schedule(file, item,
                 finishing_ ? Clock::duration::zero()
                            : std::max<Clock::duration>(options_.settle, attempt.took));
      } else {
        items_.erase(file);
        CheckIdle();
      }
      return;
    case Attempt::kOpen:
      Schedule(file, item,
               finishing_ ? Clock::duration::zero()
                          : std::max<Clock::duration>(options_.settle, kLookAgain));
      return;
    case Attempt::kChanging:
    case Attempt::kFailed:
      Failed(file, item, attempt);
      return;
    case Attempt::kCancelled:
      item.running = false;
      item.deletion = attempt.deletion;
      if (item.reason.empty()) item.reason = "there was no time left for it";
      return;
  }
}

void FolderSync::Failed(const std::string& file, Item& item, Attempt& attempt) {
  item.reason = attempt.error->message();
  item.deletion = attempt.deletion;
  ++report_.failures;
  ++item.failures;
  if (attempt.end == Attempt::kFailed) {
    ++failures_in_a_row_;
    last_ = item.reason;
    TellFailure(*attempt.error);
  }
  if (finishing_ && ++item.last_failures >= kLastAttempts) {
    item.running = false;  // and in no queue: given up
    CheckIdle();
    return;
  }
  if (finishing_ && failures_in_a_row_ >= kLastAttempts * workers_.size()) {
    queue_.clear();  // whatever it is, it is not the files
    item.running = false;
    CheckIdle();
    return;
  }
  Clock::duration delay = options_.settle;
  if (attempt.end == Attempt::kFailed) {
    delay = std::min(kRetryLimit, options_.retry * (1 << std::min(item.failures - 1, 10)));
  }
  Schedule(file, item, delay);
}

void FolderSync::TellFailure(const Error& error) {
  const Clock::time_point now = Clock::now();
  if (told_ && now - *told_ < kTellAgain) return;
  told_ = now;
  log::Warning(options_.component, "{}; it is tried again ({} file(s) wait)", error.message(),
               items_.size());
}

void FolderSync::CheckIdle() {
  if (!finishing_ || !queue_.empty()) return;
  if (std::ranges::any_of(items_, [](const auto& item) { return item.second.running; })) return;
  idle_.Set();
}

// ---- The end.

FolderSyncReport FolderSync::Finish(milliseconds limit, const Cancellation* cancel) {
  const Clock::time_point deadline = Clock::now() + limit;
  stop_watching_.Cancel();
  watcher_.join();
  // Before what waits is let go: what the scan finds, too, is looked at once.
  Scan(deadline, cancel);
  for (const auto& [link, why] : watch_.left_out()) {
    log::Warning(options_.component, "not uploaded: \"{}\": {}", (folder_ / link).string(), why);
  }
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    failures_in_a_row_ = 0;
    last_.clear();
    // Now, in the order they had.
    decltype(queue_) now;
    for (auto& [when, file] : queue_) {
      Item& item = items_.at(file);
      item.due = Clock::time_point::min();
      now.emplace(std::pair(item.due, when.second), std::move(file));
    }
    queue_ = std::move(now);
    CheckIdle();
  }
  changed_.notify_all();
  Clock::time_point tell = Clock::now() + kTellAgain;
  for (;;) {
    if (options_.progress) options_.progress(Progress());
    const Woken woken = idle_.Wait(std::min(deadline, Clock::now() + kProgress), cancel);
    if (woken != Woken::kDeadline || Clock::now() >= deadline) break;
    if (Clock::now() < tell) continue;
    tell += kTellAgain;
    const std::lock_guard lock(mutex_);
    log::Info(options_.component, "waiting for the upload of {} file(s)", items_.size());
  }
  cancel_.Cancel();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
  const std::lock_guard lock(mutex_);
  return Report();
}

FolderSyncReport FolderSync::Progress() {
  const std::lock_guard lock(mutex_);
  return Report();
}

FolderSyncReport FolderSync::Report() {
  FolderSyncReport report = report_;
  report.unread = unread_;
  const auto miss = [&](const std::string& file, const std::string& reason) {
    ++report.missing;
    if (report.named.size() < kMaxNamed) report.named.push_back({file, reason});
  };
  for (const auto& [file, item] : items_) {
    // What was never tried waited behind what failed.
    miss(file, !item.reason.empty()                     ? item.reason
               : report_.failures > 0 && !last_.empty() ? last_
                                                        : "there was no time left for it");
    if (item.deletion) ++report.undeleted;
  }
  for (const auto& [file, known] : known_) {
    if (!known.refused.empty()) miss(file, known.refused);
  }
  return report;
}

}  // namespace berth::storage
