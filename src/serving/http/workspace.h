// The memory that a connection has while it has a request, and only then.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "serving/http/service.h"

namespace berth::serving::http {

/// What was received and is not used up stands in [begin, end). Views into it (the head, a small
/// body) hold as long as Reserve() is not called.
class Workspace {
 public:
  /// Room for most heads, and a whole inline body behind them.
  static constexpr size_t kUsual = size_t{8 << 10} + kInlineBody;

  Workspace() : memory_(std::make_unique_for_overwrite<char[]>(kUsual)), capacity_(kUsual) {}

  std::string_view held() const { return {memory_.get() + begin, end - begin}; }
  char* room() { return memory_.get() + end; }
  size_t room_size() const { return capacity_ - end; }
  char* at(size_t offset) { return memory_.get() + offset; }
  bool IsUsual() const { return capacity_ == kUsual; }

  /// Makes room for `size` bytes from `begin` on; moves what is held.
  void Reserve(size_t size);

  size_t begin = 0;
  size_t end = 0;
  std::vector<Header> headers;
  std::string answer_head;

 private:
  std::unique_ptr<char[]> memory_;
  size_t capacity_;
};

/// Hands out the one given back last, which is still in the processor's cache.
class Workspaces {
 public:
  std::unique_ptr<Workspace> Take();
  void GiveBack(std::unique_ptr<Workspace> workspace);

 private:
  static constexpr size_t kKept = 64;
  std::vector<std::unique_ptr<Workspace>> free_;
};

}  // namespace berth::serving::http
