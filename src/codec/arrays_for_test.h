// Arrays in and out of the codecs, for their unit tests.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "codec/tensor.h"

namespace berth::codec {

struct OwnedArray {
  TensorInfo info;
  std::string bytes;

  TensorView view() const { return {info, bytes.data()}; }
  std::vector<int64_t> shape() const {
    return {info.shape.begin(), info.shape.begin() + info.dimensions};
  }
  template <typename T>
  std::vector<T> elements() const {
    std::vector<T> all(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(all.data(), bytes.data(), bytes.size());
    return all;
  }
};

template <typename T>
OwnedArray ArrayOf(DType dtype, std::initializer_list<int64_t> shape, const std::vector<T>& all) {
  OwnedArray array;
  array.info.dtype = dtype;
  array.info.dimensions = static_cast<uint8_t>(shape.size());
  std::copy(shape.begin(), shape.end(), array.info.shape.begin());
  array.bytes.assign(reinterpret_cast<const char*>(all.data()), all.size() * sizeof(T));
  return array;
}

/// What `decode` makes of the text; its error is in `error`, as errno.
struct DecodedArray : OwnedArray {
  int error = 0;
  int allocations = 0;

  template <typename Decode>
  DecodedArray(Decode decode, std::string_view text) {
    const Result<TensorInfo> decoded = decode(text, [this](const TensorInfo&, uint64_t size) {
      ++allocations;
      bytes.resize(size);
      return bytes.data();
    });
    if (decoded) {
      info = *decoded;
    } else {
      error = decoded.error().system_error();
    }
  }
};

}  // namespace berth::codec
