#include "storage/object_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "storage/download.h"
#include "storage/object_facts.h"
#include "storage/requester.h"

namespace berth::storage {
namespace {

// Pieces on their way or waiting to be read. Their memory is the reader's own, not a share of the
// client's: a reader whose consumer waits for another reader must not starve that one.
constexpr size_t kAhead = 2;
constexpr size_t kFetchers = 2;

class Stream final : public ObjectReader {
 public:
  Stream(Requester& requester, S3Uri uri, const Control& control, ObjectFacts facts,
         Cancellation cancel)
      : requester_(requester),
        uri_(std::move(uri)),
        moved_(control.moved),
        facts_(std::move(facts)),
        piece_size_(std::max<uint64_t>(requester.settings().stream_piece_size, 1)),
        pieces_((facts_.info.size + piece_size_ - 1) / piece_size_),
        cancel_(std::move(cancel)) {}

  ~Stream() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    cancel_.Cancel();
    changed_.notify_all();
    for (std::thread& fetcher : fetchers_) fetcher.join();
  }

  Result<void> Start() {
    const SignalsBlocked blocked;
    try {
      for (size_t i = 0; i < std::min(pieces_, kFetchers); ++i) {
        fetchers_.emplace_back([this] { Fetch(); });
      }
    } catch (const std::system_error& error) {
      if (fetchers_.empty()) {
        return Fail(Error::System(error.code().value(), "cannot start a thread"));
      }
    }
    return {};
  }

  uint64_t size() const override { return facts_.info.size; }

  Result<size_t> Read(void* buffer, size_t size) override {
    if (failed_) return Fail(*failed_);
    if (size == 0) return 0;
    if (at_ == piece_.size()) {
      if (next_read_ == pieces_) return End();
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return failure_ || ready_.contains(next_read_); });
      const auto found = ready_.find(next_read_);
      if (found == ready_.end()) return Broken(*failure_);
      piece_ = std::move(found->second);
      at_ = 0;
      ready_.erase(found);
      ++next_read_;
      changed_.notify_all();
      lock.unlock();
      Sum(piece_);
      if (moved_) moved_(piece_.size());
    }
    const size_t taken = std::min(size, piece_.size() - at_);
    std::memcpy(buffer, piece_.data() + at_, taken);
    at_ += taken;
    if (at_ == piece_.size()) {
      piece_ = {};
      at_ = 0;
    }
    return taken;
  }

 private:
  std::unexpected<Error> Broken(Error error) {
    failed_ = error;
    return Fail(std::move(error));
  }

  void Sum(std::string_view bytes) {
    if (facts_.crc) {
      crc_ = CrcOf(facts_.crc->kind, bytes, crc_);
    } else if (facts_.md5) {
      md5_.Add(bytes);
    }
  }

  Result<size_t> End() {
    if (verified_) return 0;
    const bool good = facts_.crc   ? CrcText(facts_.crc->kind, crc_) == facts_.crc->text
                      : facts_.md5 ? md5_.Hex() == facts_.info.etag
                                   : true;
    if (!good) {
      return Broken(Error(fmt::format("cannot get {}: what arrived does not match the object's "
                                      "checksum: something between changes it, or the object is "
                                      "damaged",
                                      uri_.Text()),
                          EBADMSG));
    }
    verified_ = true;
    return 0;
  }

  void Fetch() {
    for (;;) {
      size_t mine = 0;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] {
          return stopping_ || failure_ || next_fetch_ == pieces_ ||
                 next_fetch_ < next_read_ + kAhead;
        });
        if (stopping_ || failure_ || next_fetch_ == pieces_) return;
        mine = next_fetch_++;
      }
      auto piece = FetchPiece(mine);
      const std::lock_guard lock(mutex_);
      if (piece) {
        ready_[mine] = *std::move(piece);
      } else if (!failure_) {
        failure_ = std::move(piece).error();
      }
      changed_.notify_all();
    }
  }

  Result<std::string> FetchPiece(size_t index) {
    const uint64_t offset = index * piece_size_;
    const uint64_t size = std::min(piece_size_, facts_.info.size - offset);
    std::string bytes;
    bytes.reserve(size);
    bool overlong = false;
    Request request{.method = "GET",
                    .operation = "GetObject",
                    .bucket = uri_.bucket,
                    .key = uri_.key,
                    .prefix = {},
                    .query = {},
                    .headers = {{"range", RangeText(offset, size)}},
                    .body = {},
                    .sink = [&](std::string_view more, uint64_t at) {
                      bytes.resize(at);  // where it is sent again, from the beginning
                      overlong = bytes.size() + more.size() > size;
                      if (!overlong) bytes += more;
                      return !overlong;
                    }};
    if (!facts_.info.etag.empty()) {
      request.headers["if-match"] = fmt::format("\"{}\"", facts_.info.etag);
    }
    auto reply = requester_.Send(request, "get", "s3:GetObject", size, &cancel_);
    if (overlong || (reply && bytes.size() != size) || (!reply && reply.error().status == 412)) {
      return Fail(fmt::format("cannot get {}: the object changed while it was read", uri_.Text()),
                  EAGAIN);
    }
    if (!reply) return Fail(std::move(reply).error().error);
    return bytes;
  }

  Requester& requester_;
  const S3Uri uri_;
  const std::function<void(uint64_t)> moved_;
  const ObjectFacts facts_;
  const uint64_t piece_size_;
  const size_t pieces_;
  const Cancellation cancel_;

  // The reader's.
  std::string piece_;
  size_t at_ = 0;
  uint64_t crc_ = 0;
  Md5 md5_;
  bool verified_ = false;
  std::optional<Error> failed_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<size_t, std::string> ready_;
  size_t next_read_ = 0;  // written by the reader only
  size_t next_fetch_ = 0;
  std::optional<Error> failure_;
  bool stopping_ = false;
  std::vector<std::thread> fetchers_;
};

}  // namespace

Result<std::unique_ptr<ObjectReader>> OpenStream(Requester& requester, const S3Uri& uri,
                                                 const Control& control) {
  BERTH_ASSIGN(Cancellation cancel, Cancellation::Below(control.cancel));
  auto facts = AskFacts(requester, uri, "get", &cancel);
  if (!facts) return Fail(std::move(facts).error().error);
  auto stream =
      std::make_unique<Stream>(requester, uri, control, *std::move(facts), std::move(cancel));
  BERTH_TRY(stream->Start());
  return stream;
}

}  // namespace berth::storage
