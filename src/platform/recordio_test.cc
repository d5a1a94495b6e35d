#include "platform/recordio.h"

#include <gtest/gtest.h>

#include <string>

namespace berth::platform {
namespace {

std::string Header(uint64_t size) {
  const auto header = RecordHeader(size);
  return {header.data(), header.size()};
}

TEST(RecordIo, HeaderIsMagicAndLengthLittleEndian) {
  EXPECT_EQ(Header(0), std::string("\x0a\x23\xd7\xce\0\0\0\0", 8));
  EXPECT_EQ(Header(0x01020304), std::string("\x0a\x23\xd7\xce\x04\x03\x02\x01", 8));
  EXPECT_EQ(Header(kMaxRecord), std::string("\x0a\x23\xd7\xce\xff\xff\xff\x1f", 8));
}

TEST(RecordIo, PaddingCompletesFourBytes) {
  for (uint64_t size = 0; size < 20; ++size) {
    const auto padding = RecordPadding(size);
    EXPECT_EQ((size + padding.size()) % 4, 0U) << size;
    EXPECT_LT(padding.size(), 4U) << size;
    EXPECT_EQ(padding, std::string(padding.size(), '\0'));
  }
}

}  // namespace
}  // namespace berth::platform
