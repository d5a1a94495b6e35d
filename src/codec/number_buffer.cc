#include "codec/number_buffer.h"

#include <bit>

namespace berth::codec {

size_t CountOf(std::string_view text, char wanted) {
  // In blocks whose counts fit a byte: compilers make vectors of that.
  constexpr size_t kBlock = 128;
  size_t count = 0;
  while (text.size() >= kBlock) {
    uint8_t here = 0;
    for (size_t i = 0; i < kBlock; ++i)
      here = static_cast<uint8_t>(here + (text[i] == wanted ? 1 : 0));
    count += here;
    text.remove_prefix(kBlock);
  }
  for (const char c : text) count += c == wanted ? 1 : 0;
  return count;
}

std::atomic<NumberBuffer::Slots*> NumberBuffer::spare_ = nullptr;

std::unique_ptr<NumberBuffer::Slots> NumberBuffer::TakeSlots(size_t capacity) {
  std::unique_ptr<Slots> slots(spare_.exchange(nullptr));
  if (!slots || slots->capacity < capacity) {
    slots = std::make_unique<Slots>();
    slots->slots = std::make_unique_for_overwrite<Slot[]>(capacity);
    slots->capacity = capacity;
  }
  return slots;
}

void NumberBuffer::GiveBack(std::unique_ptr<Slots> slots) {
  constexpr size_t kMostKept = (size_t{2} << 20) / sizeof(Slot);
  if (!slots || slots->capacity > kMostKept) return;
  const std::unique_ptr<Slots> before(spare_.exchange(slots.release()));
}

void NumberBuffer::BecomeReals() {
  for (size_t i = 0; i < count_; ++i) {
    slots_[i].real = unsigned_ ? static_cast<double>(static_cast<uint64_t>(slots_[i].integer))
                               : static_cast<double>(slots_[i].integer);
  }
  unsigned_ = false;
  reals_ = true;
}

Result<TensorInfo> NumberBuffer::Finish(TensorInfo info, const Allocate& allocate) const {
  const bool only_bools = bools_ && !integers_ && !unsigned_ && !reals_;
  if (count_ == 0 || reals_) {
    info.dtype = DType::kFloat64;
  } else if (only_bools) {
    info.dtype = DType::kBool;
  } else {
    info.dtype = unsigned_ ? DType::kUInt64 : DType::kInt64;
  }
  uint64_t bytes = 0;
  BERTH_ASSIGN(char* const memory, AllocateFor(allocate, info, bytes));
  if (bytes != count_ * SizeOf(info.dtype))
    return NotNative("the shape is not that of the elements");
  if (only_bools) {
    for (size_t i = 0; i < count_; ++i) memory[i] = static_cast<char>(slots_[i].integer);
  } else if (bytes > 0) {
    std::memcpy(memory, slots_, bytes);
  }
  return info;
}

}  // namespace berth::codec
