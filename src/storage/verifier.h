// Compares what arrived with what S3 says of the whole object, piece by piece in any order.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/checksum.h"
#include "storage/object_facts.h"

namespace berth::storage {

/// Reads back `size` bytes at `offset` of what has been stored; false where that fails.
using ReadBack = std::function<bool(char* buffer, size_t size, uint64_t offset)>;

/// For an object of `facts.info.size` bytes in pieces of `piece_size`, the last one shorter.
///
/// Checksums of pieces are put together. An MD5 cannot be: the pieces are read back in order, each
/// as soon as all before it are there, by whichever thread brings the one that was missing, while
/// the others go on. That costs a core 1.5 s per GiB; it is done only where S3 has no checksum.
class Verifier {
 public:
  Verifier(const ObjectFacts& facts, uint64_t piece_size, ReadBack read_back);

  /// Sums a piece up as it arrives in parts: what to add to `sum`, at first 0.
  uint64_t Add(std::string_view bytes, uint64_t sum) const;

  /// Piece number `index` is stored; `sum` is what Add() came to. From any thread.
  void Stored(size_t index, uint64_t sum);

  /// After all pieces: true if the object is what it should be, or if there is nothing to compare.
  bool Matches();

 private:
  void FollowMd5(std::unique_lock<std::mutex>& lock);
  uint64_t SizeOf(size_t index) const;

  const ObjectFacts& facts_;
  const uint64_t piece_size_;
  const ReadBack read_back_;
  std::vector<uint64_t> sums_;
  std::mutex mutex_;  // guards what follows
  std::vector<bool> stored_;
  size_t followed_ = 0;
  bool following_ = false;
  bool unreadable_ = false;
  Md5 md5_;
};

}  // namespace berth::storage
