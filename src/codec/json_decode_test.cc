#include "codec/json_decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "codec/arrays_for_test.h"

namespace berth::codec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

DecodedArray Json(std::string_view text) {
  return {DecodeJson, text};
}

TEST(JsonDecodeTest, TheTypeIsThatOfNumPy) {
  EXPECT_EQ(Json("[1, 2]").info.dtype, DType::kInt64);
  EXPECT_EQ(Json("[1, 2.0]").info.dtype, DType::kFloat64);
  EXPECT_EQ(Json("[true, false]").info.dtype, DType::kBool);
  EXPECT_EQ(Json("[true, 2]").info.dtype, DType::kInt64);
  EXPECT_EQ(Json("[2e0, true]").info.dtype, DType::kFloat64);
  EXPECT_EQ(Json("[true, 9223372036854775808]").info.dtype, DType::kUInt64);
  EXPECT_EQ(Json("[1, 9223372036854775808]").info.dtype, DType::kFloat64);
  EXPECT_EQ(Json("[]").info.dtype, DType::kFloat64);
}

TEST(JsonDecodeTest, NumbersThatWereThereBeforeTheTypeWasKnownAreConverted) {
  EXPECT_THAT(Json("[true, 3, 0.5, false, -9007199254740993]").elements<double>(),
              ElementsAre(1, 3, 0.5, 0, -9007199254740992));
  EXPECT_THAT(Json("[9223372036854775808, true, 1]").elements<double>(),
              ElementsAre(9223372036854775808.0, 1, 1));
  EXPECT_THAT(Json("[true, false]").elements<char>(), ElementsAre(1, 0));
  EXPECT_THAT(Json("[-9223372036854775808, 9223372036854775807, -0]").elements<int64_t>(),
              ElementsAre(INT64_MIN, INT64_MAX, 0));
}

TEST(JsonDecodeTest, FloatsAreTheClosestDoubles) {
  EXPECT_THAT(Json("[0.1, 1e23, 123456789012345678901234567890.5, 5e-324, 9007199254740993.0]")
                  .elements<double>(),
              ElementsAre(0.1, 1e23, 123456789012345678901234567890.5, 5e-324, 9007199254740992.0));
  const auto special = Json("[NaN, Infinity, -Infinity, -0.0]").elements<double>();
  EXPECT_TRUE(std::isnan(special.at(0)));
  EXPECT_EQ(special.at(1), HUGE_VAL);
  EXPECT_EQ(special.at(2), -HUGE_VAL);
  EXPECT_TRUE(std::signbit(special.at(3)));
}

TEST(JsonDecodeTest, FloatsOfManyDigitsAreTheClosestDoublesToo) {
  // Halfway between two doubles, and next to it.
  EXPECT_THAT(
      Json("[4503599627370496.5, 4503599627370497.5, 4503599627370497.499]").elements<double>(),
      ElementsAre(4503599627370496, 4503599627370498, 4503599627370497));
  EXPECT_THAT(Json("[0.9999999999999999999, -0.00000000000000001, 1844674407370955161.5]")
                  .elements<double>(),
              ElementsAre(1.0, -1e-17, 1844674407370955161.5));
  std::mt19937_64 random(1);
  std::string text = "[";
  std::vector<double> expected;
  for (int i = 0; i < 20'000; ++i) {
    std::string number = std::to_string(random() >> (i % 50));
    const auto places = static_cast<size_t>(random() % 28);
    if (number.size() <= places) number.insert(0, places + 1 - number.size(), '0');
    number.insert(number.size() - places, places == 0 ? ".0" : ".");
    expected.push_back(std::strtod(number.c_str(), nullptr));
    text += (i == 0 ? "" : ", ") + number;
  }
  EXPECT_EQ(Json(text + "]").elements<double>(), expected);
}

TEST(JsonDecodeTest, ShapesAreThoseOfTheNesting) {
  EXPECT_THAT(Json(" 7 ").shape(), IsEmpty());
  EXPECT_THAT(Json("[[1,2,3],\n[4,5,6]]").shape(), ElementsAre(2, 3));
  EXPECT_THAT(Json("[[],[]]").shape(), ElementsAre(2, 0));
  EXPECT_THAT(Json("[[[[[[[[1]]]]]]]]").shape(), ElementsAre(1, 1, 1, 1, 1, 1, 1, 1));
}

TEST(JsonDecodeTest, ManyNumbersNeedNoStack) {
  std::string text = "[0";
  for (int i = 1; i < 100'000; ++i) text += "," + std::to_string(i);
  const auto elements = Json(text + "]").elements<int64_t>();
  ASSERT_EQ(elements.size(), 100'000U);
  EXPECT_EQ(elements.back(), 99'999);
}

TEST(JsonDecodeTest, EverythingElseIsLeftToPythonBeforeAnythingIsAllocated) {
  for (const std::string_view text : {"",
                                      " ",
                                      "[",
                                      "]",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "[1]]",
                                      "[1] 2",
                                      "[[1],[1,2]]",
                                      "[1,[1]]",
                                      "[[1],1]",
                                      "[[],[1]]",
                                      "[[],[[]]]",
                                      "[\"1\"]",
                                      "null",
                                      "[null]",
                                      "{}",
                                      "[01]",
                                      "[+1]",
                                      "[1.]",
                                      "[.5]",
                                      "[-]",
                                      "[1e]",
                                      "[1e+]",
                                      "[nan]",
                                      "[True]",
                                      "[--1]",
                                      "[-NaN]",
                                      "[18446744073709551616]",
                                      "[-9223372036854775809]",
                                      "[1e400]",
                                      "[1e-400]",
                                      "[0x10]",
                                      "[[[[[[[[[1]]]]]]]]]",
                                      "\xEF\xBB\xBF[1]",
                                      "[1\xC2\xA0]",
                                      "tru",
                                      "-Infinit"}) {
    const DecodedArray array = Json(text);
    EXPECT_EQ(array.error, ENOTSUP) << text;
    EXPECT_EQ(array.allocations, 0) << text;
  }
}

TEST(JsonDecodeTest, NoRoomIsAnErrorOfItsOwn) {
  const auto none = DecodeJson("[1]", [](const TensorInfo&, uint64_t) { return nullptr; });
  EXPECT_EQ(none.error().system_error(), ENOSPC);
}

TEST(JsonDecodeTest, LinesAreRows) {
  const DecodedArray rows(DecodeJsonLines, "[1, 2]\r\n\n  [3, 4.5]\n");
  EXPECT_THAT(rows.shape(), ElementsAre(2, 2));
  EXPECT_THAT(rows.elements<double>(), ElementsAre(1, 2, 3, 4.5));
  EXPECT_THAT(DecodedArray(DecodeJsonLines, "1\n2").shape(), ElementsAre(2));
  for (const std::string_view text : {"", "\n", "[1]\n[1,2]", "[1\n]", "1\n[1]", "{}\n"}) {
    EXPECT_EQ(DecodedArray(DecodeJsonLines, text).error, ENOTSUP) << text;
  }
}

}  // namespace
}  // namespace berth::codec
