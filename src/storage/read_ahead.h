// How far ahead of one reader of a file to fetch. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace berth::storage {

/// Of one open file. Pieces are of one size and numbered from 0.
///
/// Whoever reads pieces one after the other gets more and more of them ahead: 2, 4, 8 … Whoever
/// jumps gets none. The kernel sends reads of a sequential reader several at once, so they may
/// arrive a piece out of order.
class ReadAhead {
 public:
  /// The next read begins in piece `piece`, in its second half or not. How many pieces after it to
  /// fetch, at most `most`.
  size_t Next(uint64_t piece, bool second_half, size_t most);

  /// The file is being read from one piece to the next.
  bool sequential() const { return run_ > 0; }

 private:
  uint64_t piece_ = 0;
  unsigned run_ = 0;  // pieces entered one after the other
  bool from_start_ = true;
};

}  // namespace berth::storage
