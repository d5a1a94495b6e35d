#include "storage/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "core/log.h"
#include "storage/download.h"
#include "storage/runtime.h"

namespace berth::storage {
namespace {

// Enough that workers never wait for the listing, few enough to be no memory to speak of.
constexpr size_t kQueue = 2000;

}  // namespace

struct Transfers::Job {
  bool get = true;
  std::string bucket;
  ObjectInfo object;  // of a put, key and size only
  std::filesystem::path path;
};

Transfers::Transfers(S3Client& client, TransferOptions options, Cancellation cancel)
    : client_(client), options_(std::move(options)), cancel_(std::move(cancel)) {}

Result<std::unique_ptr<Transfers>> Transfers::Start(S3Client& client, TransferOptions options) {
  BERTH_ASSIGN(Cancellation cancel, Cancellation::Below(options.cancel));
  std::unique_ptr<Transfers> transfers(
      new Transfers(client, std::move(options), std::move(cancel)));
  const SignalsBlocked blocked;
  try {
    for (size_t i = 0; i < std::max<size_t>(client.settings().connections, 1); ++i) {
      transfers->workers_.emplace_back([raw = transfers.get()] { raw->Work(); });
    }
  } catch (const std::system_error& error) {
    if (transfers->workers_.empty()) {
      return Fail(Error::System(error.code().value(), "cannot start a thread"));
    }
  }
  return transfers;
}

Transfers::~Transfers() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    small_.clear();
    large_.clear();
  }
  cancel_.Cancel();
  changed_.notify_all();
  for (std::thread& worker : workers_) {
    if (worker.joinable()) worker.join();
  }
}

Result<void> Transfers::Get(const std::string& bucket, ObjectInfo object,
                            std::filesystem::path to) {
  return Add({.get = true, .bucket = bucket, .object = std::move(object), .path = std::move(to)});
}

Result<void> Transfers::Put(std::filesystem::path from, uint64_t size, S3Uri to) {
  return Add({.get = false,
              .bucket = std::move(to.bucket),
              .object = {.key = std::move(to.key), .size = size, .etag = {}},
              .path = std::move(from)});
}

Result<void> Transfers::Add(Job job) {
  std::unique_lock lock(mutex_);
  // Every end of a job makes room, and every job ends by itself.
  changed_.wait(lock, [this] { return failure_ || small_.size() + large_.size() < kQueue; });
  if (failure_) return Fail(*failure_);
  progress_.total_bytes += job.object.size;
  ++progress_.total_files;
  const uint64_t whole = job.get ? PieceSize(client_.settings()) : client_.settings().part_size;
  const bool large = job.object.size > whole;
  (large ? large_ : small_).push_back(std::move(job));
  changed_.notify_all();
  return {};
}

Result<TransferReport> Transfers::Finish() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
  const std::lock_guard lock(mutex_);
  if (failure_) return Fail(*failure_);
  return report_;
}

void Transfers::Stop(Error error) {
  // The first says why; what it interrupted was only cancelled.
  if (!failure_) failure_ = std::move(error);
  small_.clear();
  large_.clear();
  cancel_.Cancel();
}

void Transfers::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] {
      return failure_ || !small_.empty() || (!large_.empty() && !large_busy_) ||
             (closed_ && large_.empty());
    });
    if (failure_) return;
    const bool large = !large_.empty() && !large_busy_;
    if (!large && small_.empty()) return;
    std::deque<Job>& queue = large ? large_ : small_;
    const Job job = std::move(queue.front());
    queue.pop_front();
    if (large) large_busy_ = true;
    lock.unlock();
    changed_.notify_all();
    auto done = Do(job);
    lock.lock();
    if (large) large_busy_ = false;
    if (done) {
      ++report_.files;
      report_.bytes += job.object.size;
      ++progress_.files;
    } else {
      Stop(std::move(done).error());
    }
    changed_.notify_all();
  }
}

Result<void> Transfers::Do(const Job& job) {
  const S3Uri uri{job.bucket, job.object.key};
  const auto tell = [this](uint64_t bytes) {
    if (!options_.progress) {
      const std::lock_guard lock(mutex_);
      progress_.bytes += bytes;
      return;
    }
    const std::lock_guard telling(telling_);
    Progress now;
    {
      const std::lock_guard lock(mutex_);
      progress_.bytes += bytes;
      now = progress_;
    }
    options_.progress(now);
  };
  const Control control{.cancel = &cancel_, .moved = tell};
  if (job.get) {
    auto got = client_.Get(uri, job.path, control, &job.object);
    if (!got) return Fail(std::move(got).error());
    return {};
  }
  auto put = client_.Put(job.path, uri, control);
  if (!put && put.error().system_error() == ENOENT) {
    std::error_code ignored;
    if (!std::filesystem::exists(job.path, ignored)) {
      log::Warning("storage", "not uploaded, it is gone: \"{}\"", job.path.string());
      return {};
    }
  }
  return put;
}

}  // namespace berth::storage
