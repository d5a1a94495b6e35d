// Any bytes either are no records or rows, which are written so that they read back the same.
#include <cstring>

#include "codec/recordio.h"
#include "codec_fuzz.h"

using namespace berth::codec;

namespace {

/// int32 values become int64, which is what the writer takes.
Array ForWriting(DType dtype, const std::string& bytes, int64_t rows, int64_t columns) {
  Array array;
  array.info.dtype = dtype == DType::kInt32 ? DType::kInt64 : dtype;
  array.info.dimensions = columns < 0 ? 1 : 2;
  array.info.shape = {rows, columns < 0 ? 0 : columns};
  array.bytes = bytes;
  if (dtype != DType::kInt32) return array;
  array.bytes.clear();
  for (size_t at = 0; at < bytes.size(); at += sizeof(int32_t)) {
    int32_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    const int64_t wide = value;
    array.bytes.append(reinterpret_cast<const char*>(&wide), sizeof wide);
  }
  return array;
}

TensorView Indices(const std::vector<int64_t>& all) {
  TensorView view{.info = {.dtype = DType::kInt64, .dimensions = 1, .fortran = false, .shape = {}},
                  .data = reinterpret_cast<const char*>(all.data())};
  view.info.shape[0] = static_cast<int64_t>(all.size());
  return view;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto batch = DecodeRecordIo({reinterpret_cast<const char*>(data), size});
  if (!batch) {
    Require(batch.error().system_error() == ENOTSUP);
    return 0;
  }
  const Array label_array = ForWriting(batch->label_dtype, batch->labels, batch->rows, -1);
  std::optional<TensorView> labels;
  if (batch->label_dtype != DType::kNone) labels = label_array.view();
  std::string written;
  if (batch->sparse) {
    const auto count = static_cast<int64_t>(batch->indices.size());
    const Array values = ForWriting(batch->dtype, batch->values, count, -1);
    const CsrView matrix{batch->rows, batch->columns, values.view(), Indices(batch->indices),
                         Indices(batch->indptr)};
    Require(EncodeRecordIo(matrix, labels, written).has_value());
  } else {
    const Array values = ForWriting(batch->dtype, batch->values, batch->rows, batch->columns);
    Require(EncodeRecordIo(values.view(), labels, written).has_value());
  }
  const auto again = DecodeRecordIo(written);
  Require(again && again->values == batch->values && again->labels == batch->labels &&
          again->indices == batch->indices && again->indptr == batch->indptr &&
          again->columns == batch->columns && again->dtype == batch->dtype);
  return 0;
}
