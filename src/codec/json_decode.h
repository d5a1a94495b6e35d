// Arrays of numbers out of JSON text.
//
// The text may be where `allocate` then puts the array: all of it is read before.
#pragma once

#include <string_view>

#include "codec/tensor.h"

namespace berth::codec {

/// What numpy.array(json.loads(text)) is, for a text of numbers and booleans: rectangular arrays
/// up to kMaxDimensions deep, or one scalar. Ints are int64 (uint64 where numpy says so), an array
/// with a float float64, NaN, Infinity and -Infinity are floats, [] is float64 of shape (0,).
/// Anything else (strings, null, objects, ragged arrays, integers beyond 64 bits, floats beyond
/// double's range, what is no JSON) fails with ENOTSUP, before `allocate` is called.
[[nodiscard]] Result<TensorInfo> DecodeJson(std::string_view text, const Allocate& allocate);

/// JSON Lines: each line that is not blank is one such text, and one row of the result:
/// numpy.array([json.loads(line) for line in lines]). A text without lines is not native.
[[nodiscard]] Result<TensorInfo> DecodeJsonLines(std::string_view text, const Allocate& allocate);

}  // namespace berth::codec
