#include "storage/verifier.h"

#include <algorithm>
#include <memory>

namespace berth::storage {
namespace {

constexpr size_t kReadBack = size_t{256} << 10;

}  // namespace

Verifier::Verifier(const ObjectFacts& facts, uint64_t piece_size, ReadBack read_back)
    : facts_(facts),
      piece_size_(piece_size),
      read_back_(std::move(read_back)),
      sums_((facts.info.size + piece_size - 1) / piece_size),
      stored_(sums_.size()) {}

uint64_t Verifier::SizeOf(size_t index) const {
  return std::min(piece_size_, facts_.info.size - index * piece_size_);
}

uint64_t Verifier::Add(std::string_view bytes, uint64_t sum) const {
  return facts_.crc ? CrcOf(facts_.crc->kind, bytes, sum) : 0;
}

void Verifier::Stored(size_t index, uint64_t sum) {
  sums_[index] = sum;
  if (facts_.crc || !facts_.md5) return;
  std::unique_lock lock(mutex_);
  stored_[index] = true;
  if (!following_) FollowMd5(lock);
}

void Verifier::FollowMd5(std::unique_lock<std::mutex>& lock) {
  following_ = true;
  const auto buffer = std::make_unique<char[]>(kReadBack);
  while (followed_ < stored_.size() && stored_[followed_]) {
    const size_t index = followed_;
    lock.unlock();
    bool readable = true;
    for (uint64_t at = 0; readable && at < SizeOf(index); at += kReadBack) {
      const size_t size = std::min<uint64_t>(kReadBack, SizeOf(index) - at);
      readable = read_back_(buffer.get(), size, index * piece_size_ + at);
      if (readable) md5_.Add({buffer.get(), size});
    }
    lock.lock();
    unreadable_ = unreadable_ || !readable;
    ++followed_;
  }
  following_ = false;
}

bool Verifier::Matches() {
  if (facts_.crc) {
    uint64_t whole = CrcOf(facts_.crc->kind, "");
    for (size_t i = 0; i < sums_.size(); ++i) {
      whole = CrcCombine(facts_.crc->kind, whole, sums_[i], SizeOf(i));
    }
    return CrcText(facts_.crc->kind, whole) == facts_.crc->text;
  }
  if (!facts_.md5) return true;
  return !unreadable_ && md5_.Hex() == facts_.info.etag;
}

}  // namespace berth::storage
