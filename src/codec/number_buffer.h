// The elements of an array whose type is known only when all were seen.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "codec/number_text.h"
#include "codec/tensor.h"

namespace berth::codec {

/// How often `wanted` is in `text`.
size_t CountOf(std::string_view text, char wanted);

/// Takes Python's values one by one and finds the type that numpy.array() gives a list of them:
/// bools alone are bool; integers int64, with bools among them too; integers from 2^63 up uint64
/// where only bools are beside them, else float64; anything with a float float64.
/// Of one thread; not to be copied.
class NumberBuffer {
 public:
  /// For at most `capacity` values.
  explicit NumberBuffer(size_t capacity) {
    if (capacity > few_.size()) many_ = TakeSlots(capacity);
    slots_ = many_ ? many_->slots.get() : few_.data();
  }
  ~NumberBuffer() { GiveBack(std::move(many_)); }
  NumberBuffer(const NumberBuffer&) = delete;
  NumberBuffer& operator=(const NumberBuffer&) = delete;

  /// False for a number that is none.
  bool Add(const Number& number) {
    switch (number.kind) {
      case Number::Kind::kReal:
        AddReal(number.real);
        return true;
      case Number::Kind::kInteger:
      case Number::Kind::kNegativeZero:
        AddInteger(number.integer);
        return true;
      case Number::Kind::kUnsigned:
        AddUnsigned(static_cast<uint64_t>(number.integer));
        return true;
      case Number::Kind::kNone:
        return false;
    }
    return false;
  }

  void AddReal(double value) {
    if (!reals_) [[unlikely]]
      BecomeReals();
    slots_[count_++].real = value;
  }

  void AddInteger(int64_t value) {
    integers_ = true;
    if (unsigned_) [[unlikely]]
      BecomeReals();
    if (reals_) {
      slots_[count_++].real = static_cast<double>(value);
    } else {
      slots_[count_++].integer = value;
    }
  }

  void AddUnsigned(uint64_t value) {
    if (integers_ && !reals_) BecomeReals();
    if (reals_) {
      slots_[count_++].real = static_cast<double>(value);
    } else {
      unsigned_ = true;
      slots_[count_++].integer = static_cast<int64_t>(value);
    }
  }

  void AddBool(bool value) {
    bools_ = true;
    if (reals_) {
      slots_[count_++].real = value ? 1 : 0;
    } else {
      slots_[count_++].integer = value ? 1 : 0;
    }
  }

  size_t count() const { return count_; }

  /// Gives `info` its type and the elements to the memory that `allocate` gives for it. `info` has
  /// as many elements as were added.
  Result<TensorInfo> Finish(TensorInfo info, const Allocate& allocate) const;

 private:
  union Slot {
    int64_t integer;
    double real;
  };

  struct Slots {
    std::unique_ptr<Slot[]> slots;
    size_t capacity = 0;
  };

  // The first touch of memory costs about as much as reading the numbers that go there: what one
  // decode is done with is kept for the next one, on whichever thread.
  static std::atomic<Slots*> spare_;
  static std::unique_ptr<Slots> TakeSlots(size_t capacity);
  static void GiveBack(std::unique_ptr<Slots> slots);

  void BecomeReals();

  std::array<Slot, 512> few_;  // not set: most requests are small
  std::unique_ptr<Slots> many_;
  Slot* slots_ = nullptr;
  size_t count_ = 0;
  bool bools_ = false;
  bool integers_ = false;
  bool unsigned_ = false;
  bool reals_ = false;
};

}  // namespace berth::codec
