#include <cstring>
#include <limits>

#include "codec/recordio.h"
#include "codec/recordio_wire.h"

namespace berth::codec {
namespace {

using namespace wire;

/// One tensor of a message. `values` is appended to what others brought.
struct Tensor {
  DType dtype = DType::kNone;
  size_t count = 0;
  std::vector<int64_t> keys;
  std::vector<int64_t> shape;
};

DType TypeOf(uint32_t value_field) {
  switch (value_field) {
    case kValueFloat32:
      return DType::kFloat32;
    case kValueFloat64:
      return DType::kFloat64;
    case kValueInt32:
      return DType::kInt32;
    default:
      return DType::kNone;  // bytes: images
  }
}

bool AddInteger(uint64_t varint, std::string& values) {
  const auto wide = static_cast<int64_t>(varint);
  const auto value = static_cast<int32_t>(wide);
  if (value != wide) return false;
  values.append(reinterpret_cast<const char*>(&value), sizeof value);
  return true;
}

/// A repeated field, packed or one by one: readers take both.
bool ReadValues(const Field& field, DType dtype, std::string& values) {
  if (dtype == DType::kInt32) {
    if (field.type == Type::kVarint) return AddInteger(field.varint, values);
    if (field.type != Type::kBytes) return false;
    Reader packed(field.bytes);
    while (!packed.AtEnd()) {
      const auto value = packed.Varint();
      if (!value || !AddInteger(*value, values)) return false;
    }
    return true;
  }
  const Type single = dtype == DType::kFloat32 ? Type::kFixed32 : Type::kFixed64;
  if (field.type != single && field.type != Type::kBytes) return false;
  if (field.bytes.size() % SizeOf(dtype) != 0) return false;
  values += field.bytes;
  return true;
}

bool AddIndex(uint64_t value, std::vector<int64_t>& indices) {
  if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return false;
  indices.push_back(static_cast<int64_t>(value));
  return true;
}

bool ReadIndices(const Field& field, std::vector<int64_t>& indices) {
  if (field.type == Type::kVarint) return AddIndex(field.varint, indices);
  if (field.type != Type::kBytes) return false;
  Reader packed(field.bytes);
  while (!packed.AtEnd()) {
    const auto value = packed.Varint();
    if (!value || !AddIndex(*value, indices)) return false;
  }
  return true;
}

bool ReadTensor(std::string_view message, Tensor& tensor, std::string& values) {
  const size_t before = values.size();
  for (Reader reader(message); !reader.AtEnd();) {
    const auto field = reader.Next();
    if (!field) return false;
    bool read = true;
    if (field->number == kTensorValues) read = ReadValues(*field, tensor.dtype, values);
    if (field->number == kTensorKeys) read = ReadIndices(*field, tensor.keys);
    if (field->number == kTensorShape) read = ReadIndices(*field, tensor.shape);
    if (!read) return false;
  }
  tensor.count = (values.size() - before) / SizeOf(tensor.dtype);
  return true;
}

bool ReadValue(std::string_view message, Tensor& tensor, std::string& values) {
  for (Reader reader(message); !reader.AtEnd();) {
    const auto field = reader.Next();
    // Of several the last would count, or they would be one: nobody writes that.
    if (!field || field->type != Type::kBytes || tensor.dtype != DType::kNone) return false;
    tensor.dtype = TypeOf(field->number);
    if (tensor.dtype == DType::kNone || !ReadTensor(field->bytes, tensor, values)) return false;
  }
  return tensor.dtype != DType::kNone;
}

bool ReadEntry(const Field& entry, Tensor& tensor, std::string& values) {
  if (entry.type != Type::kBytes) return false;
  bool key = false;
  for (Reader reader(entry.bytes); !reader.AtEnd();) {
    const auto field = reader.Next();
    if (!field || field->type != Type::kBytes) return false;
    if (field->number == kEntryKey) {
      if (field->bytes != kKey) return false;
      key = true;
    }
    if (field->number == kEntryValue && !ReadValue(field->bytes, tensor, values)) return false;
  }
  return key && tensor.dtype != DType::kNone;
}

/// Adds one row to the batch: false where it does not fit to those before, or is broken.
bool AddRecord(std::string_view message, RecordIoBatch& batch) {
  Tensor features, label;
  for (Reader reader(message); !reader.AtEnd();) {
    const auto field = reader.Next();
    if (!field) return false;
    if (field->number == kRecordFeatures && !ReadEntry(*field, features, batch.values)) {
      return false;
    }
    if (field->number == kRecordLabel && !ReadEntry(*field, label, batch.labels)) return false;
  }
  if (features.dtype == DType::kNone) return false;
  if (label.dtype != DType::kNone && (label.count != 1 || !label.keys.empty())) return false;

  const bool sparse = !features.shape.empty();
  if (features.shape.size() > 1 || features.keys.size() != (sparse ? features.count : 0)) {
    return false;
  }
  const int64_t columns = sparse ? features.shape[0] : static_cast<int64_t>(features.count);
  for (const int64_t key : features.keys) {
    if (key >= columns) return false;
  }
  if (batch.rows == 0) {
    batch.columns = columns;
    batch.dtype = features.dtype;
    batch.sparse = sparse;
    batch.label_dtype = label.dtype;
    if (sparse) batch.indptr.push_back(0);
  }
  if (batch.columns != columns || batch.dtype != features.dtype || batch.sparse != sparse ||
      batch.label_dtype != label.dtype) {
    return false;
  }
  batch.indices.insert(batch.indices.end(), features.keys.begin(), features.keys.end());
  if (sparse) batch.indptr.push_back(static_cast<int64_t>(batch.indices.size()));
  ++batch.rows;
  return true;
}

}  // namespace

Result<RecordIoBatch> DecodeRecordIo(std::string_view bytes) {
  RecordIoBatch batch;
  while (!bytes.empty()) {
    uint32_t head[2] = {};
    if (bytes.size() < sizeof head) return NotNative("a record without its length");
    std::memcpy(head, bytes.data(), sizeof head);
    bytes.remove_prefix(sizeof head);
    const size_t length = head[1];
    if (head[0] != kRecordMagic) return NotNative("a record without its magic number");
    if (length > bytes.size()) return NotNative("a record without its end");
    if (!AddRecord(bytes.substr(0, length), batch)) return NotNative("records that are no rows");
    // The last one's padding may be missing.
    bytes.remove_prefix(std::min(bytes.size(), (length + 3) & ~size_t{3}));
  }
  if (batch.rows == 0) return NotNative("no records");
  return batch;
}

}  // namespace berth::codec
