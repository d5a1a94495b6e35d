#include <gtest/gtest.h>

#include <cerrno>
#include <cmath>
#include <limits>

#include "codec/arrays_for_test.h"
#include "codec/csv_encode.h"
#include "codec/json_encode.h"

namespace berth::codec {
namespace {

std::string Json(const OwnedArray& array) {
  std::string text;
  EXPECT_TRUE(EncodeJson(array.view(), text));
  return text;
}

std::string JsonLines(const OwnedArray& array) {
  std::string text;
  EXPECT_TRUE(EncodeJsonLines(array.view(), text));
  return text;
}

std::string Csv(const OwnedArray& array, NumPyText style = NumPyText::kUntil22) {
  std::string text = "kept\n";
  EXPECT_TRUE(EncodeCsv(array.view(), style, text));
  return text.substr(5);
}

TEST(EncodeTest, JsonIsWhatPythonDumps) {
  EXPECT_EQ(Json(ArrayOf<int32_t>(DType::kInt32, {2, 2}, {1, -2, 3, 4})), "[[1, -2], [3, 4]]");
  EXPECT_EQ(Json(ArrayOf<double>(DType::kFloat64, {3}, {0.1, 1e16, 2})), "[0.1, 1e+16, 2.0]");
  EXPECT_EQ(Json(ArrayOf<float>(DType::kFloat32, {1}, {0.1F})), "[0.10000000149011612]");
  EXPECT_EQ(Json(ArrayOf<char>(DType::kBool, {2}, {1, 0})), "[true, false]");
  EXPECT_EQ(Json(ArrayOf<uint64_t>(DType::kUInt64, {}, {UINT64_MAX})), "18446744073709551615");
  EXPECT_EQ(Json(ArrayOf<double>(DType::kFloat64, {2, 0}, {})), "[[], []]");
  EXPECT_EQ(Json(ArrayOf<uint16_t>(DType::kFloat16, {2}, {0x3C00, 0x2E66})),
            "[1.0, 0.0999755859375]");
  EXPECT_EQ(Json(ArrayOf<double>(DType::kFloat64, {3}, {std::nan(""), HUGE_VAL, -HUGE_VAL})),
            "[NaN, Infinity, -Infinity]");
}

TEST(EncodeTest, RowsOfFortranArraysAreTheirRows) {
  OwnedArray array = ArrayOf<int8_t>(DType::kInt8, {2, 3}, {1, 4, 2, 5, 3, 6});
  array.info.fortran = true;
  EXPECT_EQ(Json(array), "[[1, 2, 3], [4, 5, 6]]");
  EXPECT_EQ(Csv(array), "1,2,3\n4,5,6\n");
  EXPECT_EQ(JsonLines(array), "[1, 2, 3]\n[4, 5, 6]\n");
}

TEST(EncodeTest, JsonLinesHaveARowEach) {
  EXPECT_EQ(JsonLines(ArrayOf<int8_t>(DType::kInt8, {2}, {1, 2})), "1\n2\n");
  EXPECT_EQ(JsonLines(ArrayOf<int8_t>(DType::kInt8, {}, {1})), "1\n");
  EXPECT_EQ(JsonLines(ArrayOf<int8_t>(DType::kInt8, {0, 2}, {})), "");
}

TEST(EncodeTest, CsvHasTheShortestDigitsOfItsOwnPrecision) {
  EXPECT_EQ(Csv(ArrayOf<float>(DType::kFloat32, {4}, {0.1F, 1e-4F, 1e7F, -0.0F})),
            "0.1\n1e-04\n10000000.0\n-0.0\n");
  EXPECT_EQ(
      Csv(ArrayOf<float>(DType::kFloat32, {3}, {999999, 1e6F, 16777216}), NumPyText::kSince23),
      "999999.0\n1e+06\n1.6777216e+07\n");
  // 1/64: above a power of two the halves are further apart than below.
  EXPECT_EQ(Csv(ArrayOf<uint16_t>(DType::kFloat16, {3}, {0x2E66, 0x2400, 0x7BFF})),
            "0.1\n0.01563\n65500.0\n");
  EXPECT_EQ(Csv(ArrayOf<uint16_t>(DType::kFloat16, {1}, {0x7BFF}), NumPyText::kSince23),
            "6.55e+04\n");
  EXPECT_EQ(Csv(ArrayOf<char>(DType::kBool, {1, 2}, {1, 0})), "True,False\n");
  EXPECT_EQ(Csv(ArrayOf<double>(DType::kFloat64, {2, 0}, {})), "\n\n");
  EXPECT_EQ(Csv(ArrayOf<double>(DType::kFloat64, {3}, {std::nan(""), HUGE_VAL, -HUGE_VAL})),
            "nan\ninf\n-inf\n");
}

TEST(EncodeTest, WhatIsNoArrayLeavesTheTextAsItWas) {
  std::string text = "before";
  OwnedArray broken = ArrayOf<int8_t>(DType::kInt8, {1}, {1});
  broken.info.shape[0] = -1;
  EXPECT_EQ(EncodeJson(broken.view(), text).error().system_error(), EINVAL);
  EXPECT_EQ(EncodeCsv(broken.view(), NumPyText::kUntil22, text).error().system_error(), EINVAL);
  const OwnedArray deep = ArrayOf<int8_t>(DType::kInt8, {1, 1, 1}, {1});
  EXPECT_EQ(EncodeCsv(deep.view(), NumPyText::kUntil22, text).error().system_error(), ENOTSUP);
  EXPECT_EQ(text, "before");
}

}  // namespace
}  // namespace berth::codec
