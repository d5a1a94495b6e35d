// Numbers in memory as NumPy has them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "core/error.h"

namespace berth::codec {

/// Little endian. The numbers cross process borders (serving/transport/layout.h).
enum class DType : uint8_t {
  kNone = 0,
  kBool = 1,
  kInt8 = 2,
  kUInt8 = 3,
  kInt16 = 4,
  kUInt16 = 5,
  kInt32 = 6,
  kUInt32 = 7,
  kInt64 = 8,
  kUInt64 = 9,
  kFloat16 = 10,
  kFloat32 = 11,
  kFloat64 = 12,
};

/// Of one element; 0 for kNone and for numbers that are no DType.
size_t SizeOf(DType type);

inline constexpr size_t kMaxDimensions = 8;

/// What an array is, without its elements. No dimension at all is a scalar: one element.
struct TensorInfo {
  DType dtype = DType::kNone;
  uint8_t dimensions = 0;
  /// The first index varies fastest, not the last.
  bool fortran = false;
  std::array<int64_t, kMaxDimensions> shape{};

  bool operator==(const TensorInfo&) const = default;
};

/// Bytes of all elements; nothing where the info is not possible (a negative length, an overflow).
[[nodiscard]] Result<uint64_t> BytesOf(const TensorInfo& info);

/// An array whose elements stand in somebody else's memory, without gaps.
struct TensorView {
  TensorInfo info;
  const char* data = nullptr;
};

/// Where a decoder puts the elements: called once, with what the array is and its size in bytes,
/// before the first is written. nullptr: there is no room; the decoder then fails with ENOSPC.
using Allocate = std::function<char*(const TensorInfo& info, uint64_t bytes)>;

/// BytesOf(info), and that many from `allocate`; ENOSPC where it has none.
[[nodiscard]] Result<char*> AllocateFor(const Allocate& allocate, const TensorInfo& info,
                                        uint64_t& bytes);

/// How a codec says that it leaves this input to the reference's own code, which then makes its
/// result or its error of it: ENOTSUP. `why` is for tests and debugging, no user sees it.
std::unexpected<Error> NotNative(const char* why);

}  // namespace berth::codec
