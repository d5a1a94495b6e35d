// CSV text of arrays.
#pragma once

#include <string>

#include "codec/tensor.h"
#include "core/float_text.h"

namespace berth::codec {

/// Appends what numpy.savetxt(stream, array, delimiter=",", fmt="%s") writes (the default of
/// sagemaker-inference): a line per row, of a 1-D array a line per element; numbers as str() of
/// NumPy's scalars writes them, with the shortest digits for their own precision; True and False.
/// `style` is that of the NumPy whose text it is to be. sagemaker-containers' csv.writer writes
/// the same. Arrays of no or of more than two dimensions
/// fail with ENOTSUP, impossible ones as BytesOf() does; `text` is then as it was.
[[nodiscard]] Result<void> EncodeCsv(const TensorView& view, NumPyText style, std::string& text);

}  // namespace berth::codec
