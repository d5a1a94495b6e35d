// What the fuzz targets of the codecs share.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "codec/tensor.h"

inline void Require(bool holds) {
  if (!holds) std::abort();
}

struct Array {
  berth::codec::TensorInfo info;
  std::string bytes;
  berth::codec::TensorView view() const { return {info, bytes.data()}; }
  bool operator==(const Array&) const = default;
};

/// Nothing where the text is not native; all else is an error of the decoder.
template <typename Decode>
std::optional<Array> Decoded(Decode decode, std::string_view text) {
  Array array;
  int allocations = 0;
  const auto info = decode(text, [&](const berth::codec::TensorInfo&, uint64_t size) {
    ++allocations;
    Require(size <= 8 * text.size() + 8);
    array.bytes.resize(size);
    return array.bytes.data();
  });
  Require(allocations == (info ? 1 : 0));
  if (!info) {
    Require(info.error().system_error() == ENOTSUP);
    return std::nullopt;
  }
  array.info = *info;
  Require(berth::codec::BytesOf(array.info) == array.bytes.size());
  return array;
}
