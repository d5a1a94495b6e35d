#include "core/wtf8.h"

#include <gtest/gtest.h>

namespace berth {
namespace {

TEST(Wtf8Test, EveryCodePointIsReadAsItWasWritten) {
  std::string text;
  for (unsigned code = 0; code <= 0x10FFFF; ++code) AppendWtf8(text, code);
  size_t at = 0;
  for (unsigned code = 0; code <= 0x10FFFF; ++code) ASSERT_EQ(NextWtf8(text, at), code);
  EXPECT_EQ(at, text.size());
  EXPECT_EQ(Wtf8Length(text), 0x110000u);
}

TEST(Wtf8Test, AnyBytesAreReadToTheirEnd) {
  const std::string bytes = "\xFF\xC3\xE2\x82\xF0\x9F\x98";
  size_t at = 0;
  int codes = 0;
  for (; at < bytes.size(); ++codes) NextWtf8(bytes, at);
  EXPECT_EQ(at, bytes.size());
  EXPECT_EQ(codes, 7);
}

TEST(Wtf8Test, BytesThatAreNoUtf8ComeBackFromTheirEscapes) {
  std::string bytes;
  for (int byte = 1; byte < 256; ++byte) bytes += static_cast<char>(byte);
  EXPECT_EQ(EncodeForSystem(DecodeFromSystem(bytes)), bytes);
  EXPECT_EQ(DecodeFromSystem("a\xFF\xC3\xA9"), "a\xED\xB3\xBF\xC3\xA9");
}

}  // namespace
}  // namespace berth
