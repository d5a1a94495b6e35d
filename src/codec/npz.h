// NumPy's .npz format: a zip archive of .npy files.
//
// What comes in is a stranger's: counts and sizes are bounded before anything is inflated, to
// what deflate can make of the bytes that are there, and each member's CRC is checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/tensor.h"

namespace berth::codec {

struct NpzLimits {
  size_t members = 64;
  /// Bytes of all members together, inflated.
  uint64_t bytes = uint64_t{256} << 20;
};

struct NpzMember {
  /// Of the array: without ".npy".
  std::string name;
  /// The .npy file, for npy.h. It is in the archive or in `inflated`.
  std::string_view npy() const { return inflated.empty() ? stored : std::string_view(inflated); }

  std::string_view stored;
  std::string inflated;
};

/// The members in the order of the archive, stored or deflated; valid as long as `bytes`. ENOTSUP
/// where it is no such archive (encrypted, split, ZIP64, members of other kinds, broken), E2BIG
/// where it is above a limit.
[[nodiscard]] Result<std::vector<NpzMember>> DecodeNpz(std::string_view bytes,
                                                       const NpzLimits& limits = {});

/// A matrix as scipy.sparse.save_npz() writes it. Not set are the arrays that its format has not.
/// The arrays are as they came: that indices are inside of the shape is not checked.
struct SparseMatrix {
  /// "csr", "csc", "bsr", "coo" or "dia".
  std::string format;
  TensorView shape;
  TensorView data;
  TensorView indices, indptr;  // csr, csc, bsr
  TensorView row, column;      // coo
  TensorView offsets;          // dia
};

/// Views into the members. ENOTSUP where an array is missing or not plain.
[[nodiscard]] Result<SparseMatrix> SparseMatrixOf(const std::vector<NpzMember>& members);

}  // namespace berth::codec
