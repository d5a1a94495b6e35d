#include "codec/tensor.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <limits>

namespace berth::codec {
namespace {

TensorInfo Of(DType dtype, std::initializer_list<int64_t> shape) {
  TensorInfo info;
  info.dtype = dtype;
  for (const int64_t length : shape) info.shape[info.dimensions++] = length;
  return info;
}

TEST(TensorTest, BytesAreElementsTimesSize) {
  EXPECT_EQ(BytesOf(Of(DType::kFloat64, {})), 8U);
  EXPECT_EQ(BytesOf(Of(DType::kFloat16, {3, 5})), 30U);
  EXPECT_EQ(BytesOf(Of(DType::kBool, {3, 0, 5})), 0U);
  EXPECT_EQ(SizeOf(static_cast<DType>(200)), 0U);
}

TEST(TensorTest, WhatIsNoArrayHasNoBytes) {
  constexpr int64_t kBig = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(BytesOf(Of(DType::kNone, {1})).error().system_error(), EINVAL);
  EXPECT_EQ(BytesOf(Of(static_cast<DType>(13), {1})).error().system_error(), EINVAL);
  EXPECT_EQ(BytesOf(Of(DType::kInt8, {-1})).error().system_error(), EINVAL);
  EXPECT_EQ(BytesOf(Of(DType::kInt16, {kBig})).error().system_error(), EOVERFLOW);
  EXPECT_EQ(BytesOf(Of(DType::kInt8, {kBig, kBig, 0})).error().system_error(), EOVERFLOW);
  TensorInfo deep = Of(DType::kInt8, {1});
  deep.dimensions = 9;
  EXPECT_EQ(BytesOf(deep).error().system_error(), EINVAL);
}

}  // namespace
}  // namespace berth::codec
