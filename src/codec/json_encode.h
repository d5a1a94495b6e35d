// JSON text of arrays.
#pragma once

#include <string>

#include "codec/tensor.h"

namespace berth::codec {

/// Appends json.dumps(array.tolist()) to `text`: ", " between elements, floats as Python's repr
/// writes the double they are, NaN, Infinity, -Infinity, true, false. Fails (EINVAL, EOVERFLOW)
/// only where BytesOf() does, with `text` as it was.
[[nodiscard]] Result<void> EncodeJson(const TensorView& view, std::string& text);

/// Appends the rows, one such text a line. A scalar is one line.
[[nodiscard]] Result<void> EncodeJsonLines(const TensorView& view, std::string& text);

}  // namespace berth::codec
