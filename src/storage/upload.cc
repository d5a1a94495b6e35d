#include "storage/upload.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>

#include "storage/checksum.h"
#include "storage/event.h"
#include "storage/file_state.h"
#include "storage/object_facts.h"
#include "storage/pieces.h"
#include "storage/requester.h"
#include "storage/s3_xml.h"

namespace berth::storage {
namespace {

constexpr std::string_view kPermission = "s3:PutObject";
constexpr uint64_t kMaxParts = 10'000;
constexpr size_t kPartsAtOnce = 8;
// How often an upload starts again because the file changed, or the server lost it.
constexpr int kRounds = 4;
// An upload that failed is taken back, but nobody waits long for that.
constexpr std::chrono::milliseconds kAbort{500};

Result<FileState> StateOf(int descriptor, std::string_view name) {
  struct stat about;
  if (::fstat(descriptor, &about) != 0) return FailErrno(fmt::format("cannot read \"{}\"", name));
  if (!S_ISREG(about.st_mode)) {
    return Fail(fmt::format("cannot upload \"{}\": it is not a regular file", name), EINVAL);
  }
  return FileState::Of(about);
}

// Up to `size` bytes; fewer where the file is shorter by now.
Result<std::string> ReadAt(int descriptor, std::string_view name, uint64_t offset, uint64_t size) {
  std::string bytes;
  int error = 0;
  bytes.resize_and_overwrite(size, [&](char* buffer, size_t) {
    size_t have = 0;
    while (have < size) {
      const ssize_t n =
          ::pread(descriptor, buffer + have, size - have, static_cast<off_t>(offset + have));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) error = errno;
      if (n <= 0) break;
      have += static_cast<size_t>(n);
    }
    return have;
  });
  if (error != 0) return Fail(Error::System(error, fmt::format("cannot read \"{}\"", name)));
  return bytes;
}

// Whether the file holds `bytes` still.
Result<bool> HoldsStill(int descriptor, std::string_view name, std::string_view bytes) {
  constexpr size_t kBlock = size_t{256} << 10;
  for (size_t at = 0; at < bytes.size(); at += kBlock) {
    const std::string_view block = bytes.substr(at, kBlock);
    BERTH_ASSIGN(const std::string again, ReadAt(descriptor, name, at, block.size()));
    if (again != block) return false;
  }
  return true;
}

// Waits for the end of a write() that is under way, whose writer may have lost its processor in the
// middle of it: file systems take the lock of such for this question, while they read without.
void AwaitWrite(int descriptor) {
  ::lseek(descriptor, 0, SEEK_DATA);
}

// A file that is small enough for one request, in one state; nothing where it changed meanwhile.
Result<std::optional<std::string>> ReadInOneState(int descriptor, std::string_view name,
                                                  uint64_t size) {
  AwaitWrite(descriptor);
  const int64_t now = FileClock();
  BERTH_ASSIGN(const FileState before, StateOf(descriptor, name));
  BERTH_ASSIGN(std::string bytes, ReadAt(descriptor, name, 0, size));
  // Where its times could hide a change, its bytes tell. Waiting for them to settle instead would
  // never end for a file that is written a line at a time.
  bool still = true;
  if (!before.Settled(now)) {
    AwaitWrite(descriptor);
    BERTH_ASSIGN(still, HoldsStill(descriptor, name, bytes));
  }
  BERTH_ASSIGN(const FileState after, StateOf(descriptor, name));
  if (!still || bytes.size() != static_cast<uint64_t>(before.size) || !(after == before)) {
    return std::nullopt;
  }
  return bytes;
}

// The state of a file that takes longer to read than its clock to tick, once any change will show
// in its times; nothing where it changed meanwhile.
Result<std::optional<FileState>> SettledState(int descriptor, std::string_view name,
                                              const Cancellation* cancel) {
  AwaitWrite(descriptor);
  const int64_t now = FileClock();
  BERTH_ASSIGN(const FileState before, StateOf(descriptor, name));
  if (before.Settled(now)) return before;
  BERTH_ASSIGN(const Event never, Event::Make());
  const auto until = std::chrono::steady_clock::now() + before.UntilSettled(now);
  if (never.Wait(until, cancel) == Woken::kCancelled) return Fail("cancelled", ECANCELED);
  AwaitWrite(descriptor);
  BERTH_ASSIGN(const FileState after, StateOf(descriptor, name));
  if (!(after == before)) return std::nullopt;
  return after;
}

Error Changing(std::string_view name, const S3Uri& uri) {
  return Error(
      fmt::format("cannot put {}: \"{}\" keeps changing while it is uploaded", uri.Text(), name),
      EAGAIN);
}

Request RequestFor(std::string method, std::string operation, const S3Uri& uri) {
  return {.method = std::move(method),
          .operation = std::move(operation),
          .bucket = uri.bucket,
          .key = uri.key,
          .prefix = {},
          .query = {},
          .headers = {},
          .body = {},
          .sink = {}};
}

// `crc` is the CRC-32 of the body.
std::string AddChecksum(Request& request, uint64_t crc) {
  std::string text = CrcText(Crc::kCrc32, crc);
  request.headers["x-amz-sdk-checksum-algorithm"] = "CRC32";
  request.headers["x-amz-checksum-crc32"] = text;
  return text;
}

// In one request. `share` may be null.
Result<void> PutWhole(Requester& requester, std::string bytes, const S3Uri& uri,
                      const Control& control, const Lease* share) {
  const uint64_t size = bytes.size();
  Request request = RequestFor("PUT", "PutObject", uri);
  request.body = std::make_shared<const std::string>(std::move(bytes));
  if (requester.checksums()) AddChecksum(request, CrcOf(Crc::kCrc32, *request.body));
  auto reply = requester.Send(request, "put", kPermission, 0, control.cancel, share);
  if (!reply) return Fail(std::move(reply).error().error);
  if (control.moved) control.moved(size);
  return {};
}

// One multipart upload, from its beginning to its end or its being taken back.
class Multipart {
 public:
  Multipart(Requester& requester, int descriptor, std::string_view name, const S3Uri& uri,
            const Control& control, uint64_t size)
      : requester_(requester),
        descriptor_(descriptor),
        name_(name),
        uri_(uri),
        control_(control),
        size_(size),
        part_size_(PartSizeFor(size, requester.settings().part_size)),
        parts_((size + part_size_ - 1) / part_size_),
        sums_(parts_.size()) {}

  Multipart(const Multipart&) = delete;
  Multipart& operator=(const Multipart&) = delete;

  // Takes back what was not completed: S3 keeps and charges for such parts for ever.
  ~Multipart() {
    if (id_.empty()) return;
    Request request = RequestFor("DELETE", "AbortMultipartUpload", uri_);
    request.query = {{"uploadId", id_}};
    requester_.SendOnce(request, kAbort);
  }

  Result<void> Begin() {
    Request request = RequestFor("POST", "CreateMultipartUpload", uri_);
    request.query = {{"uploads", ""}};
    if (requester_.checksums()) {
      request.headers["x-amz-checksum-algorithm"] = "CRC32";
      // Of the whole object, so that whoever downloads it can compare.
      request.headers["x-amz-checksum-type"] = "FULL_OBJECT";
    }
    auto reply = requester_.Send(request, "put", kPermission, 0, control_.cancel);
    if (!reply) return Fail(std::move(reply).error().error);
    auto id = ParseUploadId(reply->body);
    if (!id) return Fail(id.error().Within(fmt::format("cannot put {}", uri_.Text())));
    id_ = *std::move(id);
    // As the server took them now, so that the parts and the completion agree.
    checksums_ = requester_.checksums();
    return {};
  }

  /// False where the file turned out shorter than it was.
  Result<bool> SendParts() {
    std::atomic<bool> shorter = false;
    const auto failed = RunPieces(parts_.size(), kPartsAtOnce,
                                  [&](size_t index) { return SendPart(index, shorter); });
    if (shorter) return false;
    if (failed) return Fail(failed->error);
    return true;
  }

  /// A failure where the server no longer knows the upload, although its parts are there: an answer
  /// got lost, and it cannot be told what became of the upload.
  std::expected<void, Failure> Complete() {
    Request request = RequestFor("POST", "CompleteMultipartUpload", uri_);
    request.query = {{"uploadId", id_}};
    request.headers["content-type"] = "application/xml";
    if (checksums_) {
      uint64_t whole = CrcOf(Crc::kCrc32, "");
      for (size_t i = 0; i < sums_.size(); ++i) {
        whole = CrcCombine(Crc::kCrc32, whole, sums_[i], SizeOf(i));
      }
      sum_ = CrcText(Crc::kCrc32, whole);
      request.headers["x-amz-checksum-crc32"] = sum_;
      request.headers["x-amz-checksum-type"] = "FULL_OBJECT";
    }
    request.body = std::make_shared<const std::string>(CompleteDocument(parts_));
    auto reply = requester_.Send(request, "put", kPermission, 0, control_.cancel);
    // S3 says NoSuchUpload of an upload that is over; others say other things with the same status.
    if (!reply && !(reply.error().status == 404 && IsThere())) {
      return std::unexpected(std::move(reply).error());
    }
    id_.clear();
    return {};
  }

 private:
  uint64_t SizeOf(size_t index) const { return std::min(part_size_, size_ - index * part_size_); }

  std::optional<Failure> SendPart(size_t index, std::atomic<bool>& shorter) {
    const auto stop = [](Error error) { return Failure{0, {}, std::move(error)}; };
    // Before the bytes are read, so that no more are in memory than the budget has.
    const auto share = requester_.Reserve(SizeOf(index), control_.cancel);
    if (!share) return stop(share.error().Within(fmt::format("cannot put {}", uri_.Text())));
    auto bytes = ReadAt(descriptor_, name_, index * part_size_, SizeOf(index));
    if (!bytes) return stop(bytes.error());
    if (bytes->size() < SizeOf(index)) {
      shorter = true;
      return stop(Changing(name_, uri_));
    }
    Request request = RequestFor("PUT", "UploadPart", uri_);
    request.query = {{"partNumber", std::to_string(index + 1)}, {"uploadId", id_}};
    request.body = std::make_shared<const std::string>(*std::move(bytes));
    if (checksums_) {
      sums_[index] = CrcOf(Crc::kCrc32, *request.body);
      parts_[index].crc32 = AddChecksum(request, sums_[index]);
    }
    auto reply = requester_.Send(request, "put", kPermission, 0, control_.cancel, &*share);
    if (!reply) return std::move(reply).error();
    parts_[index].etag = reply->Header("etag");
    if (parts_[index].etag.empty()) {
      return stop(Error(
          fmt::format("cannot put {}: the server gave part {} no ETag", uri_.Text(), index + 1)));
    }
    if (control_.moved) control_.moved(SizeOf(index));
    return std::nullopt;
  }

  // An answer to CompleteMultipartUpload that got lost leaves no upload behind, but the object.
  bool IsThere() {
    const auto facts = AskFacts(requester_, uri_, "put", control_.cancel);
    if (!facts || facts->info.size != size_) return false;
    // What was there before may be as long, and may have come in as many parts.
    if (facts->crc && facts->crc->kind == Crc::kCrc32 && !sum_.empty()) {
      return facts->crc->text == sum_;
    }
    return facts->info.etag.ends_with(fmt::format("-{}", parts_.size()));
  }

  Requester& requester_;
  const int descriptor_;
  const std::string_view name_;
  const S3Uri& uri_;
  const Control& control_;
  const uint64_t size_;
  const uint64_t part_size_;
  std::string id_;
  bool checksums_ = false;
  std::vector<UploadedPart> parts_;
  std::vector<uint64_t> sums_;
  std::string sum_;  // of the whole, as S3 writes it; empty without checksums
};

}  // namespace

uint64_t PartSizeFor(uint64_t size, uint64_t wanted) {
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  const uint64_t least = (size + kMaxParts - 1) / kMaxParts;
  return std::max(wanted, (least + kMiB - 1) / kMiB * kMiB);
}

Result<void> UploadBytes(Requester& requester, std::string bytes, const S3Uri& uri,
                         const Control& control) {
  return PutWhole(requester, std::move(bytes), uri, control, nullptr);
}

Result<void> Upload(Requester& requester, int descriptor, std::string_view name, const S3Uri& uri,
                    const Control& control) {
  std::optional<Error> lost;
  for (int round = 1; round <= kRounds; ++round) {
    BERTH_ASSIGN(const FileState now, StateOf(descriptor, name));
    const auto size = static_cast<uint64_t>(now.size);
    if (size <= requester.settings().part_size) {
      // Before the bytes are read, so that no more are in memory than the budget has.
      const auto share = requester.Reserve(size, control.cancel);
      if (!share) return Fail(share.error().Within(fmt::format("cannot put {}", uri.Text())));
      BERTH_ASSIGN(std::optional<std::string> bytes, ReadInOneState(descriptor, name, size));
      if (!bytes) continue;
      return PutWhole(requester, *std::move(bytes), uri, control, &*share);
    }
    const auto before = SettledState(descriptor, name, control.cancel);
    if (!before) return Fail(before.error().Within(fmt::format("cannot put {}", uri.Text())));
    if (!*before) continue;
    Multipart upload(requester, descriptor, name, uri, control,
                     static_cast<uint64_t>((*before)->size));
    BERTH_TRY(upload.Begin());
    BERTH_ASSIGN(const bool whole, upload.SendParts());
    BERTH_ASSIGN(const FileState after, StateOf(descriptor, name));
    if (!whole || !(after == **before)) continue;
    const auto completed = upload.Complete();
    if (completed) return {};
    if (completed.error().status != 404 || completed.error().code == "NoSuchBucket") {
      return Fail(completed.error().error);
    }
    lost = completed.error().error;
  }
  return Fail(lost ? *lost : Changing(name, uri));
}

}  // namespace berth::storage
