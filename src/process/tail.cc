#include "process/tail.h"

#include <algorithm>
#include <cstring>

namespace berth::process {

void Tail::Append(std::string_view chunk) {
  if (chunk.size() >= capacity_) {
    ring_.assign(chunk.substr(chunk.size() - capacity_));
    next_ = 0;
    return;
  }
  const size_t room = std::min(capacity_ - ring_.size(), chunk.size());
  ring_.append(chunk.substr(0, room));
  chunk.remove_prefix(room);
  while (!chunk.empty()) {
    const size_t n = std::min(chunk.size(), capacity_ - next_);
    std::memcpy(ring_.data() + next_, chunk.data(), n);
    next_ = (next_ + n) % capacity_;
    chunk.remove_prefix(n);
  }
}

std::string Tail::Text() const {
  return ring_.substr(next_) + ring_.substr(0, next_);
}

}  // namespace berth::process
