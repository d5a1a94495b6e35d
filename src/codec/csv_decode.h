// Arrays of numbers out of CSV text.
//
// The text may be where `allocate` then puts the array: all of it is read before.
#pragma once

#include <string_view>

#include "codec/tensor.h"

namespace berth::codec {

/// What numpy.genfromtxt(StringIO(text), dtype=None, delimiter=",") is (the default of
/// sagemaker-inference), where that is a plain array: all columns integers are int64, all columns
/// with a float in them float64. One row or one column is 1-D, one number 0-D. Anything else
/// (columns of different types, which make a structured array; missing values, text, quotes,
/// comments, nan, "-0" among integers, no rows at all) fails with ENOTSUP, before `allocate`.
[[nodiscard]] Result<TensorInfo> DecodeCsv(std::string_view text, const Allocate& allocate);

/// What sagemaker-containers makes of it: csv.reader's rows, squeezed, and always float64. Blank
/// lines are rows without fields there, and not native.
[[nodiscard]] Result<TensorInfo> DecodeCsvAsFloats(std::string_view text, const Allocate& allocate);

}  // namespace berth::codec
