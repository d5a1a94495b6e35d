#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "codec/elements.h"
#include "codec/recordio.h"
#include "codec/recordio_wire.h"

namespace berth::codec {
namespace {

using namespace wire;

/// Of the message's three packed fields what each holds; an empty one is not written.
struct PackedTensor {
  std::string_view values;
  std::string_view keys;
  std::string_view shape;
};

uint64_t SizeOfBytesField(uint64_t size) {
  return 1 + SizeOfVarint(size) + size;
}

/// The entry of a Record's map that holds the tensor.
void AppendEntry(std::string& out, uint32_t map, uint32_t value_field, const PackedTensor& tensor) {
  struct Part {
    uint32_t field;
    std::string_view bytes;
  };
  const Part parts[] = {
      {kTensorValues, tensor.values}, {kTensorKeys, tensor.keys}, {kTensorShape, tensor.shape}};
  uint64_t tensor_size = 0;
  for (const Part& part : parts) {
    if (!part.bytes.empty()) tensor_size += SizeOfBytesField(part.bytes.size());
  }
  const uint64_t value_size = SizeOfBytesField(tensor_size);
  AppendBytesHeader(out, map, SizeOfBytesField(kKey.size()) + SizeOfBytesField(value_size));
  AppendBytesHeader(out, kEntryKey, kKey.size());
  out += kKey;
  AppendBytesHeader(out, kEntryValue, value_size);
  AppendBytesHeader(out, value_field, tensor_size);
  for (const Part& part : parts) {
    if (part.bytes.empty()) continue;
    AppendBytesHeader(out, part.field, part.bytes.size());
    out += part.bytes;
  }
}

/// One record: `fill` appends the message.
template <typename Fill>
bool AppendRecord(std::string& out, Fill&& fill) {
  const size_t start = out.size();
  out.append(2 * sizeof(uint32_t), '\0');
  if (!fill()) return false;
  const size_t size = out.size() - start - 2 * sizeof(uint32_t);
  if (size > std::numeric_limits<uint32_t>::max()) return false;
  const auto length = static_cast<uint32_t>(size);
  std::memcpy(out.data() + start, &kRecordMagic, sizeof kRecordMagic);
  std::memcpy(out.data() + start + sizeof kRecordMagic, &length, sizeof length);
  out.append((4 - size % 4) % 4, '\0');
  return true;
}

/// The field of Value for elements of a type; 0 for types that have none.
uint32_t ValueFieldOf(DType type) {
  if (type == DType::kFloat32) return kValueFloat32;
  if (type == DType::kFloat64) return kValueFloat64;
  return type == DType::kInt64 ? kValueInt32 : 0;
}

/// Packs `count` elements. False for an integer that is no int32.
bool Pack(std::string& out, DType type, const char* at, size_t count, size_t stride) {
  const size_t size = SizeOf(type);
  if (type != DType::kInt64 && stride == size) {
    out.append(at, count * size);
    return true;
  }
  for (size_t i = 0; i < count; ++i, at += stride) {
    if (type != DType::kInt64) {
      out.append(at, size);
      continue;
    }
    const auto value = Load<int64_t>(at);
    if (value != static_cast<int32_t>(value)) return false;
    AppendVarint(out, static_cast<uint64_t>(value));  // negative ones take ten bytes
  }
  return true;
}

/// Labels of rows, checked once, packed one by one.
class Labels {
 public:
  static Result<Labels> Of(const std::optional<TensorView>& view, int64_t rows) {
    Labels labels;
    if (!view) return labels;
    BERTH_TRY(BytesOf(view->info));
    labels.field_ = ValueFieldOf(view->info.dtype);
    if (labels.field_ == 0 || view->info.dimensions != 1 || view->info.shape[0] != rows) {
      return NotNative("labels that are not one per row");
    }
    labels.view_ = *view;
    return labels;
  }

  bool Append(std::string& out, int64_t row) {
    if (field_ == 0) return true;
    const size_t size = SizeOf(view_.info.dtype);
    packed_.clear();
    const char* at = view_.data + static_cast<size_t>(row) * size;
    if (!Pack(packed_, view_.info.dtype, at, 1, size)) return false;
    AppendEntry(out, kRecordLabel, field_, {.values = packed_, .keys = {}, .shape = {}});
    return true;
  }

 private:
  TensorView view_;
  uint32_t field_ = 0;
  std::string packed_;
};

constexpr const char* kIntegers = "an integer of more than 32 bits, or a record of 4 GiB";

/// An index out of an array of int32 or int64.
int64_t IndexAt(const TensorView& view, int64_t at) {
  const auto place = static_cast<size_t>(at);
  if (view.info.dtype == DType::kInt32) return Load<int32_t>(view.data + place * sizeof(int32_t));
  return Load<int64_t>(view.data + place * sizeof(int64_t));
}

bool IsIndices(const TensorView& view) {
  return (view.info.dtype == DType::kInt32 || view.info.dtype == DType::kInt64) &&
         view.info.dimensions == 1 && BytesOf(view.info);
}

Result<void> Check(const CsrView& matrix) {
  const bool shapes = IsIndices(matrix.indices) && IsIndices(matrix.indptr) &&
                      matrix.data.info.dimensions == 1 && BytesOf(matrix.data.info) &&
                      matrix.rows >= 0 && matrix.columns >= 0 &&
                      matrix.indptr.info.shape[0] - 1 == matrix.rows;
  if (!shapes) return Fail("the arrays of the sparse matrix do not fit together", EINVAL);
  const int64_t count = std::min(matrix.data.info.shape[0], matrix.indices.info.shape[0]);
  int64_t last = 0;
  for (int64_t row = 0; row <= matrix.rows; ++row) {
    const int64_t next = IndexAt(matrix.indptr, row);
    if (next < last || next > count) {
      return Fail("the rows of the sparse matrix are not inside of its data", EINVAL);
    }
    last = next;
  }
  for (int64_t i = 0; i < last; ++i) {
    const int64_t column = IndexAt(matrix.indices, i);
    if (column < 0 || column >= matrix.columns) {
      return Fail("the sparse matrix has an element outside of its columns", EINVAL);
    }
  }
  return {};
}

}  // namespace

Result<void> EncodeRecordIo(const TensorView& array, const std::optional<TensorView>& labels,
                            std::string& out) {
  BERTH_ASSIGN(const uint64_t bytes, BytesOf(array.info));
  TensorInfo info = array.info;
  const uint32_t field = ValueFieldOf(info.dtype);
  if (field == 0) return NotNative("elements of another type than float32, float64 and int64");
  if (info.dimensions == 1) {
    info.shape = {1, info.shape[0]};
    info.dimensions = 2;
    info.fortran = false;
  }
  if (info.dimensions != 2) return NotNative("neither a row nor rows");
  BERTH_ASSIGN(Labels row_labels, Labels::Of(labels, info.shape[0]));
  const auto strides = StridesOf(info);
  const size_t start = out.size();
  out.reserve(start + bytes + static_cast<size_t>(info.shape[0]) * 64);
  std::string packed;
  for (int64_t row = 0; row < info.shape[0]; ++row) {
    const char* at = array.data + static_cast<size_t>(row) * strides[0];
    packed.clear();
    const bool written = AppendRecord(out, [&] {
      if (!Pack(packed, info.dtype, at, static_cast<size_t>(info.shape[1]), strides[1])) {
        return false;
      }
      AppendEntry(out, kRecordFeatures, field, {.values = packed, .keys = {}, .shape = {}});
      return row_labels.Append(out, row);
    });
    if (written) continue;
    out.resize(start);
    return NotNative(kIntegers);
  }
  return {};
}

Result<void> EncodeRecordIo(const CsrView& matrix, const std::optional<TensorView>& labels,
                            std::string& out) {
  const DType type = matrix.data.info.dtype;
  const uint32_t field = ValueFieldOf(type);
  if (field == 0) return NotNative("elements of another type than float32, float64 and int64");
  BERTH_TRY(Check(matrix));
  BERTH_ASSIGN(Labels row_labels, Labels::Of(labels, matrix.rows));
  const size_t size = SizeOf(type);
  const size_t start = out.size();
  std::string values, keys, shape;
  AppendVarint(shape, static_cast<uint64_t>(matrix.columns));
  for (int64_t row = 0; row < matrix.rows; ++row) {
    const int64_t first = IndexAt(matrix.indptr, row);
    const int64_t end = IndexAt(matrix.indptr, row + 1);
    values.clear();
    keys.clear();
    for (int64_t i = first; i < end; ++i) {
      AppendVarint(keys, static_cast<uint64_t>(IndexAt(matrix.indices, i)));
    }
    const bool written = AppendRecord(out, [&] {
      const char* at = matrix.data.data + static_cast<size_t>(first) * size;
      if (!Pack(values, type, at, static_cast<size_t>(end - first), size)) return false;
      AppendEntry(out, kRecordFeatures, field, {.values = values, .keys = keys, .shape = shape});
      return row_labels.Append(out, row);
    });
    if (written) continue;
    out.resize(start);
    return NotNative(kIntegers);
  }
  return {};
}

}  // namespace berth::codec
