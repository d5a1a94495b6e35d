#include "platform/log_lines.h"

#include <algorithm>

namespace berth::platform {

void LogLines::Feed(std::string_view bytes, const Each& each) {
  while (!bytes.empty()) {
    const size_t room = kMaxLine - begun_.size();
    const size_t end = bytes.find('\n');
    const size_t size = std::min({end, room, bytes.size()});
    const std::string_view part = bytes.substr(0, size);
    bytes.remove_prefix(size);
    const bool whole = size == end;
    if (whole) bytes.remove_prefix(1);
    if (!whole && size < room) {
      begun_ += part;
    } else if (begun_.empty()) {
      each(part);
    } else {
      begun_ += part;
      each(begun_);
      begun_.clear();
    }
  }
}

void LogLines::Finish(const Each& each) {
  if (!begun_.empty()) each(begun_);
  begun_.clear();
}

}  // namespace berth::platform
