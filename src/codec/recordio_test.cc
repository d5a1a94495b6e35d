#include "codec/recordio.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "codec/arrays_for_test.h"

namespace berth::codec {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;

std::string Written(const OwnedArray& array, const std::optional<TensorView>& labels = {}) {
  std::string out;
  const auto written = EncodeRecordIo(array.view(), labels, out);
  EXPECT_TRUE(written) << written.error().message();
  return out;
}

CsrView Matrix(const OwnedArray& data, const OwnedArray& indices, const OwnedArray& indptr) {
  return {2, 5, data.view(), indices.view(), indptr.view()};
}

const OwnedArray kData = ArrayOf<double>(DType::kFloat64, {2}, {1.5, 2.5});
const OwnedArray kIndices = ArrayOf<int32_t>(DType::kInt32, {2}, {4, 0});
const OwnedArray kIndptr = ArrayOf<int32_t>(DType::kInt32, {3}, {0, 2, 2});

TEST(RecordIoTest, BytesAreThoseOfTheOriginal) {
  EXPECT_EQ(
      Written(ArrayOf<int64_t>(DType::kInt64, {2}, {-1, 300})),
      "\n#\xd7\xce\x1c\0\0\0\n\x1a\n\x06values\x12\x10:\x0e\n\x0c\xff\xff\xff\xff\xff\xff\xff\xff"
      "\xff\x01\xac\x02"s);
  const OwnedArray labels = ArrayOf<int64_t>(DType::kInt64, {1}, {7});
  EXPECT_EQ(Written(ArrayOf<float>(DType::kFloat32, {1, 2}, {1.5F, 2}), labels.view()),
            "\n#\xd7\xce)\0\0\0\n\x16\n\x06values\x12\x0c\x12\n\n\x08\0\0\xc0?\0\0\0@\x12\x0f\n\x06"
            "values\x12\x05:\x03\n\x01\x07\0\0\0"s);
}

TEST(RecordIoTest, DenseRowsAreReadBack) {
  const OwnedArray labels = ArrayOf<float>(DType::kFloat32, {2}, {1, 0});
  OwnedArray array = ArrayOf<double>(DType::kFloat64, {2, 3}, {1, 4, 2, 5, 3, 6});
  array.info.fortran = true;
  const auto read = DecodeRecordIo(Written(array, labels.view()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->rows, 2);
  EXPECT_EQ(read->columns, 3);
  EXPECT_EQ(read->dtype, DType::kFloat64);
  EXPECT_FALSE(read->sparse);
  EXPECT_EQ(read->labels, labels.bytes);
  EXPECT_THAT((OwnedArray{{}, read->values}).elements<double>(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(RecordIoTest, SparseRowsAreReadBack) {
  std::string out;
  ASSERT_TRUE(EncodeRecordIo(Matrix(kData, kIndices, kIndptr), {}, out));
  const auto read = DecodeRecordIo(out);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_TRUE(read->sparse);
  EXPECT_EQ(read->columns, 5);
  EXPECT_EQ(read->values, kData.bytes);
  EXPECT_THAT(read->indices, ElementsAre(4, 0));
  EXPECT_THAT(read->indptr, ElementsAre(0, 2, 2));
  EXPECT_EQ(read->label_dtype, DType::kNone);
}

TEST(RecordIoTest, WhatTheOriginalRefusesIsNotNativeAndLeavesNothing) {
  std::string out = "before";
  const OwnedArray wide = ArrayOf<int64_t>(DType::kInt64, {2, 1}, {1, int64_t{1} << 31});
  EXPECT_EQ(EncodeRecordIo(wide.view(), {}, out).error().system_error(), ENOTSUP);
  const OwnedArray narrow = ArrayOf<int32_t>(DType::kInt32, {1}, {1});
  EXPECT_EQ(EncodeRecordIo(narrow.view(), {}, out).error().system_error(), ENOTSUP);
  EXPECT_EQ(EncodeRecordIo(kData.view(), kData.view(), out).error().system_error(), ENOTSUP);
  EXPECT_EQ(out, "before");
}

TEST(RecordIoTest, MatricesThatDoNotFitTogetherAreErrors) {
  std::string out;
  for (const auto& indptr : {std::vector<int32_t>{0, 3, 3}, {0, 2, 1}, {-1, 2, 2}, {1, 0, 2}}) {
    const OwnedArray rows = ArrayOf<int32_t>(DType::kInt32, {3}, indptr);
    EXPECT_EQ(EncodeRecordIo(Matrix(kData, kIndices, rows), {}, out).error().system_error(),
              EINVAL);
  }
  const OwnedArray outside = ArrayOf<int32_t>(DType::kInt32, {2}, {5, 0});
  EXPECT_EQ(EncodeRecordIo(Matrix(kData, outside, kIndptr), {}, out).error().system_error(),
            EINVAL);
  EXPECT_EQ(EncodeRecordIo(Matrix(kData, kIndices, kIndices), {}, out).error().system_error(),
            EINVAL);
}

TEST(RecordIoTest, BrokenRecordsAreNotRead) {
  const std::string whole = Written(ArrayOf<double>(DType::kFloat64, {1, 2}, {1, 2}));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(DecodeRecordIo(std::string_view(whole).substr(0, size))) << size;
  }
  for (const size_t at : {0U, 4U, 8U, 9U, 11U, 18U, 20U}) {
    std::string broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ 0x40);
    EXPECT_FALSE(DecodeRecordIo(broken)) << at;
  }
  // Rows of two lengths, and of two types.
  EXPECT_FALSE(DecodeRecordIo(whole + Written(ArrayOf<double>(DType::kFloat64, {1}, {1}))));
  EXPECT_FALSE(DecodeRecordIo(whole + Written(ArrayOf<float>(DType::kFloat32, {2}, {1, 2}))));
}

}  // namespace
}  // namespace berth::codec
