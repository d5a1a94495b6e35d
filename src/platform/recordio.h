// RecordIO as SageMaker frames it: magic, length, content, padding to four bytes. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace berth::platform {

/// The upper three bits of the length are flags: longer content is no single record.
inline constexpr uint64_t kMaxRecord = (uint64_t{1} << 29) - 1;

/// What stands before a record's content: 0xCED7230A and the length, little-endian. `size` is at
/// most kMaxRecord.
std::array<char, 8> RecordHeader(uint64_t size);

/// The zeros behind content of that size: as many as make it a multiple of four.
std::string_view RecordPadding(uint64_t size);

}  // namespace berth::platform
