// The last bytes of a stream of any length, in constant memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace berth::process {

/// A ring of at most `capacity` bytes. Of a chunk longer than that only its end is copied, so
/// that keeping a tail costs next to nothing on a fast stream. Takes memory as it fills.
class Tail {
 public:
  explicit Tail(size_t capacity) : capacity_(capacity) {}

  void Append(std::string_view chunk);

  /// What is kept, oldest byte first.
  std::string Text() const;

 private:
  size_t capacity_;
  size_t next_ = 0;  // where the next byte goes once the ring is full
  std::string ring_;
};

}  // namespace berth::process
