#include "storage/download.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>

#include "storage/object_facts.h"
#include "storage/partial_file.h"
#include "storage/pieces.h"
#include "storage/requester.h"
#include "storage/verifier.h"

namespace berth::storage {
namespace {

constexpr size_t kPiecesAtOnce = 8;
// How often a download starts again because the object changed; because it arrived damaged, as
// often as a request is tried.
constexpr int kRounds = 4;

// What a round came to that did not bring the file.
struct Again {
  Failure failure;
  int rounds = 0;  // how many are worth it
};

Again Final(Failure failure) {
  return {std::move(failure), 0};
}
Again Final(Error error) {
  return {Failure{0, {}, std::move(error)}, 0};
}

Again Changed(const S3Uri& uri) {
  return {Failure{412,
                  {},
                  Error(fmt::format("cannot get {}: the object keeps changing while it "
                                    "is downloaded",
                                    uri.Text()),
                        EAGAIN)},
          kRounds};
}

Again Damaged(const S3Uri& uri, int rounds) {
  return {Failure{0,
                  {},
                  Error(fmt::format("cannot get {}: what arrives does not match the "
                                    "object's checksum: something between changes it, or "
                                    "the object is damaged",
                                    uri.Text()),
                        EBADMSG)},
          rounds};
}

Again FromFailure(Failure failure, const S3Uri& uri) {
  return failure.status == 412 ? Changed(uri) : Final(std::move(failure));
}

// Where a sink stores what arrives. It runs on another thread; the requester's end of the call is
// its end too.
struct Storing {
  const PartialFile& file;
  const uint64_t offset;
  const uint64_t size;  // more would be somebody else's bytes
  uint64_t have = 0;
  uint64_t sum = 0;
  std::optional<Error> error = std::nullopt;
  bool overlong = false;

  bool Take(std::string_view bytes, uint64_t at, const Verifier& verifier) {
    if (at == 0) have = sum = 0;  // once more from the beginning
    if (bytes.size() > size - have) {
      overlong = true;
      return false;
    }
    if (auto written = file.Write(bytes, offset + have); !written) {
      error = written.error();
      return false;
    }
    sum = verifier.Add(bytes, sum);
    have += bytes.size();
    return true;
  }
};

class Round {
 public:
  Round(Requester& requester, const S3Uri& uri, const Control& control, ObjectFacts facts,
        PartialFile& file)
      : requester_(requester),
        uri_(uri),
        control_(control),
        facts_(std::move(facts)),
        file_(file),
        piece_size_(PieceSize(requester.settings())),
        verifier_(facts_, piece_size_, [&file](char* buffer, size_t size, uint64_t offset) {
          const auto read = file.Read(buffer, size, offset);
          return read && *read == size;
        }) {}

  std::optional<Again> Fetch() {
    const size_t pieces = (facts_.info.size + piece_size_ - 1) / piece_size_;
    if (pieces > 1) {
      std::mutex mutex;
      std::optional<Again> stopped;
      const auto failed = RunPieces(pieces, kPiecesAtOnce, [&](size_t index) {
        auto failure = Piece(index, true);
        if (!failure) return std::optional<Failure>();
        const std::lock_guard lock(mutex);
        if (!stopped) stopped = failure;
        return std::optional(failure->failure);
      });
      if (failed) return stopped;
    } else if (auto failure = Piece(0, false)) {
      return failure;
    }
    if (!verified_ && !verifier_.Matches()) {
      return Damaged(uri_, std::max(kRounds, requester_.settings().attempts));
    }
    return std::nullopt;
  }

 private:
  // A piece, or the whole of an object that is only one: without a range, because an empty object
  // has none, and because the answer then brings the checksum along.
  std::optional<Again> Piece(size_t index, bool ranged) {
    const uint64_t offset = index * piece_size_;
    const uint64_t size = std::min(piece_size_, facts_.info.size - offset);
    Storing storing{.file = file_, .offset = offset, .size = size};
    Request request{.method = "GET",
                    .operation = "GetObject",
                    .bucket = uri_.bucket,
                    .key = uri_.key,
                    .prefix = {},
                    .query = {},
                    .headers = {},
                    .body = {},
                    .sink = [&](std::string_view bytes, uint64_t at) {
                      return storing.Take(bytes, at, verifier_);
                    }};
    if (ranged) request.headers["range"] = RangeText(offset, size);
    if (!facts_.info.etag.empty()) {
      request.headers["if-match"] = fmt::format("\"{}\"", facts_.info.etag);
    }
    auto reply = requester_.Send(request, "get", "s3:GetObject", size, control_.cancel);
    if (storing.error) {
      return Final(storing.error->Within(fmt::format("cannot get {}", uri_.Text())));
    }
    if (storing.overlong || (reply && storing.have < size)) return Changed(uri_);
    if (!reply) return FromFailure(std::move(reply).error(), uri_);
    if (ranged && reply->status != 206) {
      return Final(Error(fmt::format("cannot get {}: the server ignores ranges", uri_.Text())));
    }
    if (!ranged) {
      verified_ = reply->verified;
      // A listing told the size and the version only; now more is known.
      if (!facts_.crc) facts_.md5 = FactsFrom(reply->headers, uri_.key).md5;
    }
    if (size > 0) verifier_.Stored(index, storing.sum);
    if (control_.moved) control_.moved(size);
    return std::nullopt;
  }

  Requester& requester_;
  const S3Uri& uri_;
  const Control& control_;
  ObjectFacts facts_;
  PartialFile& file_;
  const uint64_t piece_size_;
  Verifier verifier_;
  bool verified_ = false;
};

}  // namespace

uint64_t PieceSize(const Settings& settings) {
  return std::max<uint64_t>(settings.piece_size, 1);
}

std::string RangeText(uint64_t offset, uint64_t size) {
  return fmt::format("bytes={}-{}", offset, offset + size - 1);
}

Result<ObjectInfo> Download(Requester& requester, const S3Uri& uri, const std::filesystem::path& to,
                            const Control& control, const ObjectInfo* known) {
  const auto late = std::chrono::steady_clock::now() + requester.settings().retry_limit;
  for (int round = 1;; ++round) {
    ObjectFacts facts;
    if (round == 1 && known != nullptr && known->size <= PieceSize(requester.settings())) {
      facts.info = *known;
    } else {
      auto asked = AskFacts(requester, uri, "get", control.cancel);
      if (!asked) return Fail(std::move(asked).error().error);
      facts = *std::move(asked);
    }
    ObjectInfo info = facts.info;
    auto file = PartialFile::Make(to, info.size);
    if (!file) return Fail(file.error().Within(fmt::format("cannot get {}", uri.Text())));
    auto stopped = Round(requester, uri, control, std::move(facts), *file).Fetch();
    if (!stopped) {
      if (auto done = file->Commit(); !done) {
        return Fail(done.error().Within(fmt::format("cannot get {}", uri.Text())));
      }
      return info;
    }
    const bool over = round >= kRounds && std::chrono::steady_clock::now() > late;
    if (round >= stopped->rounds || over) return Fail(std::move(stopped->failure.error));
  }
}

}  // namespace berth::storage
