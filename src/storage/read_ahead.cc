#include "storage/read_ahead.h"

#include <algorithm>

namespace berth::storage {
namespace {

constexpr unsigned kLongestRun = 16;  // doubled so often is more than anybody's `most`

}  // namespace

size_t ReadAhead::Next(uint64_t piece, bool second_half, size_t most) {
  if (piece > piece_ + 1 || piece + 1 < piece_) {
    run_ = 0;
    from_start_ = false;
  } else if (piece > piece_) {
    run_ = std::min(run_ + 1, kLongestRun);
  }
  piece_ = run_ > 0 ? std::max(piece, piece_) : piece;
  // A file that is read from its start is most often read to its end; many readers want no more
  // than what is written at the start, though.
  if (run_ == 0) return std::min<size_t>(from_start_ && second_half ? 1 : 0, most);
  return std::min<size_t>(size_t{1} << run_, most);
}

}  // namespace berth::storage
