// Going through the elements of an array in the order of their indices, whatever their order in
// memory, and from its type at run time to a type of C++.
#pragma once

#include <array>
#include <charconv>
#include <cstring>

#include "codec/tensor.h"
#include "core/float_text.h"

namespace berth::codec {

/// From one index to the next, by dimension, in bytes.
inline std::array<size_t, kMaxDimensions> StridesOf(const TensorInfo& info) {
  std::array<size_t, kMaxDimensions> strides{};
  size_t stride = SizeOf(info.dtype);
  for (size_t i = 0; i < info.dimensions; ++i) {
    const size_t at = info.fortran ? i : info.dimensions - 1 - i;
    strides[at] = stride;
    stride *= static_cast<size_t>(info.shape[at]);
  }
  return strides;
}

/// Of any alignment.
template <typename T>
T Load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// Bits of a half-precision number, to tell them from uint16_t.
struct Half {
  uint16_t bits;
};

/// visit(T{}) with the C++ type of a dtype. Its own answer, or that of visit(0) for kNone.
template <typename Visit>
auto VisitType(DType type, Visit&& visit) {
  switch (type) {
    case DType::kNone:
      break;
    case DType::kBool:
      return visit(bool{});
    case DType::kInt8:
      return visit(int8_t{});
    case DType::kUInt8:
      return visit(uint8_t{});
    case DType::kInt16:
      return visit(int16_t{});
    case DType::kUInt16:
      return visit(uint16_t{});
    case DType::kInt32:
      return visit(int32_t{});
    case DType::kUInt32:
      return visit(uint32_t{});
    case DType::kInt64:
      return visit(int64_t{});
    case DType::kUInt64:
      return visit(uint64_t{});
    case DType::kFloat16:
      return visit(Half{});
    case DType::kFloat32:
      return visit(float{});
    case DType::kFloat64:
      return visit(double{});
  }
  return visit(int64_t{});
}

/// The text of one number where Python and NumPy agree on it; `to` has kFloatTextSize characters.
template <typename Integer>
  requires std::is_integral_v<Integer>
char* WriteInteger(char* to, Integer value) {
  return std::to_chars(to, to + kFloatTextSize, value).ptr;
}

}  // namespace berth::codec
