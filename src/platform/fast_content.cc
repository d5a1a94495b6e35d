#include "platform/fast_content.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "core/log.h"
#include "platform/summary.h"

namespace berth::platform {
namespace {

using storage::PieceKey;
using storage::PiecePtr;

/// Requests under way at once.
constexpr size_t kFetchers = 12;
constexpr std::chrono::seconds kFailureKept{2};
/// A server that is gone fails every read there is: the log need not hold each.
constexpr size_t kComplaints = 20;

/// A read that touches several pieces.
struct Gathering {
  std::mutex mutex;
  std::vector<char> bytes;
  size_t missing = 0;
  std::optional<Error> failure{};
  FastContent::Then then;
};

}  // namespace

FastContent::FastContent(DataStore& store, std::vector<Item> files)
    : store_(store), files_(std::move(files)), touched_(files_.size()) {
  for (const Item& file : files_) bytes_ += file.object.size;
}

Result<std::unique_ptr<FastContent>> FastContent::Start(DataStore& store, std::vector<Item> files) {
  std::unique_ptr<FastContent> content(new FastContent(store, std::move(files)));
  BERTH_ASSIGN(content->cache_,
               storage::PieceCache::Start(
                   {.memory = kMemory, .fetchers = kFetchers, .failure_kept = kFailureKept},
                   [self = content.get()](PieceKey key, std::span<char> buffer) {
                     return self->Fetch(key, buffer);
                   }));
  return content;
}

FastContent::Opened::~Opened() {
  if (streaming_) --content_.streams_;
}

size_t FastContent::PieceSize(PieceKey key) const {
  return std::min(kPiece, files_[key.object].object.size - key.piece * kPiece);
}

void FastContent::Read(Opened& opened, uint64_t offset, size_t size, Then then) {
  const auto first = static_cast<uint32_t>(offset / kPiece);
  const auto last = static_cast<uint32_t>((offset + size - 1) / kPiece);
  if (first == last) {
    const PieceKey key{opened.file_, first};
    cache_->Get(key, PieceSize(key),
                [then = std::move(then), at = offset % kPiece, size](const Result<PiecePtr>& got) {
                  if (!got) return then(Fail(got.error()));
                  then(std::span<const char>((*got)->data.get() + at, size));
                });
  } else {
    auto whole = std::make_shared<Gathering>();
    whole->bytes.resize(size);
    whole->missing = last - first + 1;
    whole->then = std::move(then);
    for (uint32_t piece = first; piece <= last; ++piece) {
      const PieceKey key{opened.file_, piece};
      const uint64_t start = piece * kPiece;
      const uint64_t from = std::max(offset, start);
      const uint64_t to = std::min(offset + size, start + kPiece);
      cache_->Get(key, PieceSize(key), [=](const Result<PiecePtr>& got) {
        {
          const std::lock_guard lock(whole->mutex);
          if (got) {
            std::memcpy(whole->bytes.data() + (from - offset), (*got)->data.get() + (from - start),
                        to - from);
          } else {
            whole->failure = got.error();
          }
          if (--whole->missing > 0) return;
        }
        if (whole->failure) return whole->then(Fail(*whole->failure));
        whole->then(std::span<const char>(whole->bytes));
      });
    }
  }

  const size_t share = kMemory / 2 / kPiece / std::max<size_t>(streams_, 1);
  const size_t ahead =
      opened.ahead_.Next(last, offset % kPiece >= kPiece / 2, std::min(kAhead, share));
  if (opened.ahead_.sequential() != opened.streaming_) {
    opened.streaming_ = !opened.streaming_;
    opened.streaming_ ? ++streams_ : --streams_;
  }
  const uint64_t pieces = (files_[opened.file_].object.size + kPiece - 1) / kPiece;
  for (uint64_t piece = last + uint64_t{1}; piece < std::min(pieces, last + 1 + ahead); ++piece) {
    const PieceKey key{opened.file_, static_cast<uint32_t>(piece)};
    cache_->Expect(key, PieceSize(key));
  }
}

Result<void> FastContent::Fetch(PieceKey key, std::span<char> buffer) {
  auto fetched = store_.ReadRange(files_[key.object], key.piece * kPiece, buffer);
  if (!fetched) {
    if (!store_.cancel().cancelled()) Complain(key.object, fetched.error());
    return fetched;
  }
  const std::lock_guard lock(mutex_);
  fetched_ += buffer.size();
  ++requests_;
  if (!touched_[key.object]) ++touched_count_;
  touched_[key.object] = true;
  return {};
}

void FastContent::Complain(uint32_t file, const Error& error) {
  size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    count = ++complaints_;
  }
  if (count > kComplaints) return;
  log::Warning("local", "FastFile: reading \"{}\" fails with an input/output error: {}{}",
               files_[file].name, error.message(),
               count == kComplaints ? " (further failures are not logged)" : "");
}

std::string FastContent::Report() const {
  const std::lock_guard lock(mutex_);
  return fmt::format("FastFile: fetched {} of {}, {} of {} file{}, {} request{}\n",
                     SizeText(fetched_), SizeText(bytes_), touched_count_, files_.size(),
                     files_.size() == 1 ? "" : "s", requests_, requests_ == 1 ? "" : "s");
}

}  // namespace berth::platform
