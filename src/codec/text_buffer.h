// Text that grows while numbers are written into it, without a call per number.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace berth::codec {

/// Appends to a string. The string is whole again only after Finish() or the destructor.
class TextBuffer {
 public:
  TextBuffer(std::string& text, size_t expected) : text_(text), used_(text.size()) {
    Grow(used_ + expected);
  }
  TextBuffer(const TextBuffer&) = delete;
  TextBuffer& operator=(const TextBuffer&) = delete;
  ~TextBuffer() { Finish(); }

  /// Room for `size` characters; Wrote() says where what was put there ends.
  char* Room(size_t size) {
    if (text_.size() - used_ < size) [[unlikely]]
      Grow(std::max(used_ + size, text_.size() * 2));
    return text_.data() + used_;
  }
  void Wrote(const char* end) { used_ = static_cast<size_t>(end - text_.data()); }

  void Append(std::string_view text) {
    char* to = Room(text.size());
    std::memcpy(to, text.data(), text.size());
    Wrote(to + text.size());
  }

  void Finish() { text_.resize(used_); }

 private:
  void Grow(size_t size) {
    text_.resize_and_overwrite(size, [](char*, size_t room) { return room; });
  }

  std::string& text_;
  size_t used_;
};

}  // namespace berth::codec
