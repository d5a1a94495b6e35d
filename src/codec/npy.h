// NumPy's .npy format: versions 1.0, 2.0 and 3.0.
#pragma once

#include <string>
#include <string_view>

#include "codec/tensor.h"

namespace berth::codec {

struct NpyHeader {
  TensorInfo info;
  /// Of the first element, from the begin of the file.
  size_t offset = 0;
};

/// The header at the begin of `bytes`. Plain little-endian dtypes only: others, and what
/// numpy.load() would refuse, fail with ENOTSUP; pickled objects with EPERM, whose loading would
/// run code of whoever sent them.
[[nodiscard]] Result<NpyHeader> DecodeNpyHeader(std::string_view bytes);

/// The array in `bytes`, which must hold all its elements (else ENOTSUP). Not a copy.
[[nodiscard]] Result<TensorView> DecodeNpy(std::string_view bytes);

/// What numpy.save() writes before the elements of such an array.
std::string EncodeNpyHeader(const TensorInfo& info);

/// One text of fixed length: dtype "S<n>" or (ASCII only) "<U<n>", no dimensions.
[[nodiscard]] Result<std::string> DecodeNpyText(std::string_view bytes);

}  // namespace berth::codec
