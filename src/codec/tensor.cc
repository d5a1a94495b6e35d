#include "codec/tensor.h"

#include <cerrno>

namespace berth::codec {

size_t SizeOf(DType type) {
  switch (type) {
    case DType::kNone:
      return 0;
    case DType::kBool:
    case DType::kInt8:
    case DType::kUInt8:
      return 1;
    case DType::kInt16:
    case DType::kUInt16:
    case DType::kFloat16:
      return 2;
    case DType::kInt32:
    case DType::kUInt32:
    case DType::kFloat32:
      return 4;
    case DType::kInt64:
    case DType::kUInt64:
    case DType::kFloat64:
      return 8;
  }
  return 0;  // a number from elsewhere
}

Result<uint64_t> BytesOf(const TensorInfo& info) {
  const size_t size = SizeOf(info.dtype);
  if (size == 0) return Fail("an array without a known type", EINVAL);
  if (info.dimensions > kMaxDimensions) return Fail("an array of more than 8 dimensions", EINVAL);
  // As NumPy does, lengths beside a zero count too: what cannot be addressed is no array.
  uint64_t bytes = size;
  bool empty = false;
  for (size_t i = 0; i < info.dimensions; ++i) {
    const int64_t length = info.shape[i];
    if (length < 0) return Fail("an array with a negative length", EINVAL);
    if (length == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(length), &bytes) ||
               bytes > INT64_MAX) {
      return Fail("an array larger than any memory", EOVERFLOW);
    }
  }
  return empty ? 0 : bytes;
}

std::unexpected<Error> NotNative(const char* why) {
  return Fail(why, ENOTSUP);
}

Result<char*> AllocateFor(const Allocate& allocate, const TensorInfo& info, uint64_t& bytes) {
  BERTH_ASSIGN(bytes, BytesOf(info));
  char* memory = allocate(info, bytes);
  if (memory == nullptr && bytes > 0) return Fail("there is no room for the array", ENOSPC);
  return memory;
}

}  // namespace berth::codec
