#include "core/float_text.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>

namespace berth {
namespace {

std::string Repr(double value) {
  char text[kFloatTextSize];
  return {text, WriteFloatRepr(text, value)};
}

std::string Text32(float value, NumPyText style = NumPyText::kUntil22) {
  char text[kFloatTextSize];
  return {text, WriteFloat32Text(text, value, style)};
}

std::string Text16(uint16_t half, NumPyText style = NumPyText::kUntil22) {
  char text[kFloatTextSize];
  return {text, WriteFloat16Text(text, half, style)};
}

TEST(FloatTextTest, DoublesAreWrittenAsPythonDoes) {
  EXPECT_EQ(Repr(0.0), "0.0");
  EXPECT_EQ(Repr(-0.0), "-0.0");
  EXPECT_EQ(Repr(-12.5), "-12.5");
  EXPECT_EQ(Repr(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(Repr(1e-4), "0.0001");
  EXPECT_EQ(Repr(1e-5), "1e-05");
  EXPECT_EQ(Repr(123456789.123456), "123456789.123456");
  EXPECT_EQ(Repr(999999999.9999999), "999999999.9999999");
  EXPECT_EQ(Repr(1e15), "1000000000000000.0");
  EXPECT_EQ(Repr(9999999999999998), "9999999999999998.0");
  EXPECT_EQ(Repr(1e16), "1e+16");
  EXPECT_EQ(Repr(-1.5e-300), "-1.5e-300");
  EXPECT_EQ(Repr(5e-324), "5e-324");
  EXPECT_EQ(Repr(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
  EXPECT_EQ(Repr(-HUGE_VAL), "-inf");
  EXPECT_EQ(Repr(-std::nan("")), "nan");
}

TEST(FloatTextTest, ShortDecimalsAreTheirShortestDigits) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 200'000; ++i) {
    const double scale = std::pow(10, static_cast<double>(random() % 9));
    const double value = static_cast<double>(random() % 1'000'000'000) / scale;
    const std::string text = Repr(value);
    double read = 0;
    std::from_chars(text.data(), text.data() + text.size(), read);
    ASSERT_EQ(read, value) << text;
    char shortest[64];
    const char* end = std::to_chars(shortest, shortest + 64, value, std::chars_format::fixed).ptr;
    if (text.find('e') != text.npos || text.ends_with(".0")) continue;
    ASSERT_EQ(text, std::string_view(shortest, static_cast<size_t>(end - shortest)));
  }
}

TEST(FloatTextTest, Float32HasItsOwnDigitsAndBorders) {
  EXPECT_EQ(Text32(0.1F), "0.1");
  EXPECT_EQ(Text32(1e-4F), "1e-04");  // which is less than 0.0001
  EXPECT_EQ(Text32(123456789.0F), "123456790.0");
  EXPECT_EQ(Text32(1e16F), "1e+16");
  EXPECT_EQ(Text32(999999.0F, NumPyText::kSince23), "999999.0");
  EXPECT_EQ(Text32(1e6F, NumPyText::kSince23), "1e+06");
  EXPECT_EQ(Text32(-123456789.0F, NumPyText::kSince23), "-1.2345679e+08");
}

TEST(FloatTextTest, HalvesHaveTheirOwnDigitsAndBorders) {
  EXPECT_EQ(Text16(0x0001), "6e-08");
  EXPECT_EQ(Text16(0x2E66), "0.1");
  EXPECT_EQ(Text16(0x2400), "0.01563");
  EXPECT_EQ(Text16(0x8000), "-0.0");
  EXPECT_EQ(Text16(0x7BFF), "65500.0");
  EXPECT_EQ(Text16(0x7BFF, NumPyText::kSince23), "6.55e+04");
  EXPECT_EQ(Text16(0x63CF, NumPyText::kSince23), "999.5");
  EXPECT_EQ(Text16(0xFC00), "-inf");
  EXPECT_EQ(Text16(0x7C01), "nan");
  EXPECT_EQ(DoubleOfHalf(0x3555), 0.333251953125);
}

}  // namespace
}  // namespace berth
