#include "codec/csv_decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cmath>

#include "codec/arrays_for_test.h"

namespace berth::codec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

DecodedArray Csv(std::string_view text) {
  return {DecodeCsv, text};
}

DecodedArray Floats(std::string_view text) {
  return {DecodeCsvAsFloats, text};
}

TEST(CsvDecodeTest, ColumnsOfOneTypeAreAnArray) {
  EXPECT_EQ(Csv("1,2\n3,4\n").info.dtype, DType::kInt64);
  EXPECT_THAT(Csv("1,2\n3,4\n").shape(), ElementsAre(2, 2));
  EXPECT_EQ(Csv("1,2.5\n3.5,4\n").info.dtype, DType::kFloat64);
  EXPECT_THAT(Csv("1,2.5\n3.5,4").elements<double>(), ElementsAre(1, 2.5, 3.5, 4));
  EXPECT_EQ(Csv("1,2.5\n3,4\n").error, ENOTSUP);  // a structured array
}

TEST(CsvDecodeTest, LengthsOfOneAreDropped) {
  EXPECT_THAT(Csv("1,2,3").shape(), ElementsAre(3));
  EXPECT_THAT(Csv("1\n2\n").shape(), ElementsAre(2));
  EXPECT_THAT(Csv("1").shape(), IsEmpty());
  EXPECT_THAT(Floats("1\n").shape(), IsEmpty());
}

TEST(CsvDecodeTest, SpacesAndBlankLinesAreSkippedAsGenfromtxtDoes) {
  EXPECT_THAT(Csv("\n \r\n 1 ,\t+2\r\n\n007, 4 \r\n  ").elements<int64_t>(),
              ElementsAre(1, 2, 7, 4));
  EXPECT_THAT(Csv(".5\n1.\n1E2").elements<double>(), ElementsAre(0.5, 1, 100));
}

TEST(CsvDecodeTest, EverythingElseIsLeftToNumPyBeforeAnythingIsAllocated) {
  for (const std::string_view text : {"",      "\n",     ",",      "1,",   ",1",
                                      "1,,2",  "1,2\n3", "1\n2,3", "a",    "1,a",
                                      "\"1\"", "1#2",    "# 1\n2", "nan",  "1_0",
                                      "1 2",   "\t\n1",  "1,-0",   "-0",   "9223372036854775808",
                                      "0x1",   "1;2",    "1e400",  "True", "1\xC2\xA0",
                                      "- 1",   "+-1",    "."}) {
    const DecodedArray array = Csv(text);
    EXPECT_EQ(array.error, ENOTSUP) << text;
    EXPECT_EQ(array.allocations, 0) << text;
  }
}

TEST(CsvDecodeTest, SagemakerContainersMakesFloatsOfAll) {
  EXPECT_THAT(Floats("1,2.5\r\n-0,18446744073709551615").elements<double>(),
              ElementsAre(1, 2.5, 0, 18446744073709551616.0));
  EXPECT_TRUE(std::signbit(Floats("-0").elements<double>().at(0)));
  for (const std::string_view text : {"", "1\n\n2", "\n1", "1\r2", "1,2\n3", "\"1\"", "1,", "a"}) {
    EXPECT_EQ(Floats(text).error, ENOTSUP) << text;
  }
}

}  // namespace
}  // namespace berth::codec
