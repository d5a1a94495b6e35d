#include "platform/recordio.h"

namespace berth::platform {
namespace {

constexpr uint32_t kMagic = 0xCED7230A;

}  // namespace

std::array<char, 8> RecordHeader(uint64_t size) {
  std::array<char, 8> header{};
  for (size_t i = 0; i < 4; ++i) {
    header[i] = static_cast<char>(kMagic >> (8 * i));
    header[4 + i] = static_cast<char>(size >> (8 * i));
  }
  return header;
}

std::string_view RecordPadding(uint64_t size) {
  constexpr std::string_view kZeros("\0\0\0", 3);
  return kZeros.substr(0, (4 - size % 4) % 4);
}

}  // namespace berth::platform
