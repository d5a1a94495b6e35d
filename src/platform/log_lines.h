// A log taken apart into lines, as it comes. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace berth::platform {

/// Holds at most kMaxLine bytes: of a longer line each kMaxLine bytes are a line of their own.
class LogLines {
 public:
  static constexpr size_t kMaxLine = size_t{64} << 10;
  using Each = std::function<void(std::string_view line)>;

  /// Calls `each` with every line that is whole now, without its '\n'.
  void Feed(std::string_view bytes, const Each& each);
  /// And with the last one, where it has no end.
  void Finish(const Each& each);

 private:
  std::string begun_;
};

}  // namespace berth::platform
