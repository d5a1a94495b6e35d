// The part of protobuf's wire format that a Record needs
// (protobuf.dev/programming-guides/encoding).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::codec::wire {

inline constexpr uint32_t kRecordMagic = 0xCED7230A;

enum class Type : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// Field numbers of sagemaker_containers/record_pb2.
inline constexpr uint32_t kRecordFeatures = 1;
inline constexpr uint32_t kRecordLabel = 2;
inline constexpr uint32_t kEntryKey = 1;
inline constexpr uint32_t kEntryValue = 2;
inline constexpr uint32_t kValueFloat32 = 2;
inline constexpr uint32_t kValueFloat64 = 3;
inline constexpr uint32_t kValueInt32 = 7;
inline constexpr uint32_t kTensorValues = 1;
inline constexpr uint32_t kTensorKeys = 2;
inline constexpr uint32_t kTensorShape = 3;

/// The one key that SageMaker uses in both maps.
inline constexpr std::string_view kKey = "values";

inline size_t SizeOfVarint(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

inline void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

/// Before the bytes of a field: all our field numbers fit into one byte.
inline void AppendBytesHeader(std::string& out, uint32_t field, uint64_t size) {
  out += static_cast<char>(field << 3 | static_cast<uint32_t>(Type::kBytes));
  AppendVarint(out, size);
}

struct Field {
  uint32_t number = 0;
  Type type = Type::kVarint;
  uint64_t varint = 0;
  /// Of kBytes, kFixed32, kFixed64.
  std::string_view bytes;
};

/// Reads one message's fields, never beyond its end.
class Reader {
 public:
  explicit Reader(std::string_view message) : rest_(message) {}

  bool AtEnd() const { return rest_.empty(); }

  /// Nothing where a varint has no end within ten bytes or within the message.
  std::optional<uint64_t> Varint() {
    uint64_t value = 0;
    for (size_t i = 0; i < rest_.size() && i < 10; ++i) {
      const auto byte = static_cast<unsigned char>(rest_[i]);
      value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
      if (byte >= 0x80) continue;
      rest_.remove_prefix(i + 1);
      return value;
    }
    return std::nullopt;
  }

  /// Nothing where the message is broken.
  std::optional<Field> Next() {
    const auto tag = Varint();
    if (!tag || *tag > UINT32_MAX || *tag >> 3 == 0) return std::nullopt;
    Field field;
    field.number = static_cast<uint32_t>(*tag >> 3);
    field.type = static_cast<Type>(*tag & 7);
    switch (field.type) {
      case Type::kVarint:
        if (const auto value = Varint()) {
          field.varint = *value;
          return field;
        }
        return std::nullopt;
      case Type::kFixed64:
        return Take(field, 8);
      case Type::kFixed32:
        return Take(field, 4);
      case Type::kBytes:
        if (const auto size = Varint()) return Take(field, *size);
        return std::nullopt;
    }
    return std::nullopt;  // groups
  }

 private:
  std::optional<Field> Take(Field& field, uint64_t size) {
    if (size > rest_.size()) return std::nullopt;
    field.bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return field;
  }

  std::string_view rest_;
};

}  // namespace berth::codec::wire
