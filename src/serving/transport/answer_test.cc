#include "serving/transport/answer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>

namespace berth::serving::transport {
namespace {

constexpr uint64_t kOffset = 1000;

class AnswerTest : public ::testing::Test {
 protected:
  AnswerTest() : area_(256, '.') {
    const std::string headers("Content-Type\0text/plain\0", 24);
    headers.copy(area_.data(), headers.size());
    area_.replace(100, 5, "hello");
    descriptor_.kind = static_cast<uint32_t>(ResponseKind::kBytes);
    descriptor_.status = 200;
    descriptor_.headers_offset = kOffset;
    descriptor_.headers_length = 24;
    descriptor_.body_offset = kOffset + 100;
    descriptor_.body_length = 5;
  }

  std::string Refusal(const std::function<void(ResponseDescriptor&)>& change) {
    ResponseDescriptor descriptor = descriptor_;
    change(descriptor);
    const auto answer = CheckAnswer(descriptor, area_, kOffset);
    return answer ? "accepted" : answer.error().message();
  }

  ResponseDescriptor descriptor_{};
  std::string area_;
};

TEST_F(AnswerTest, AGoodOneIsRead) {
  const auto answer = CheckAnswer(descriptor_, area_, kOffset);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 200U);
  EXPECT_EQ(std::string(answer->body.begin(), answer->body.end()), "hello");
  ASSERT_EQ(answer->headers.size(), 1U);
  EXPECT_EQ(answer->headers[0],
            std::make_pair(std::string("Content-Type"), std::string("text/plain")));
}

TEST_F(AnswerTest, NothingOutsideOfTheSlotIsRead) {
  using D = ResponseDescriptor;
  EXPECT_NE(Refusal([](D& d) { d.body_offset = kOffset - 1; }), "accepted");
  EXPECT_NE(Refusal([](D& d) { d.body_offset = kOffset + 252; }), "accepted");
  EXPECT_NE(Refusal([](D& d) { d.body_length = 157; }), "accepted");
  EXPECT_NE(Refusal([](D& d) { d.body_length = ~uint64_t{0}; }), "accepted");
  EXPECT_NE(Refusal([](D& d) { d.body_offset = ~uint64_t{0}; }), "accepted");
  EXPECT_NE(Refusal([](D& d) { d.headers_length = 257; }), "accepted");
  EXPECT_NE(Refusal([](D& d) { d.headers_offset = 0; }), "accepted");
  EXPECT_NE(Refusal([](D& d) { d.headers_offset = ~uint64_t{0}; }), "accepted");
}

TEST_F(AnswerTest, NumbersThatMeanNothingAreRefused) {
  using D = ResponseDescriptor;
  EXPECT_NE(Refusal([](D& d) { d.kind = 0; }), "accepted");
  EXPECT_NE(Refusal([](D& d) { d.kind = 9; }), "accepted");
  EXPECT_NE(Refusal([](D& d) { d.status = 100; }), "accepted");
  EXPECT_NE(Refusal([](D& d) { d.status = 600; }), "accepted");
  EXPECT_NE(Refusal([](D& d) { d.freed_count = kMaxFreed + 1; }), "accepted");
  EXPECT_NE(Refusal([](D& d) { d.headers_length = 23; }), "accepted");  // no end
  EXPECT_NE(Refusal([](D& d) { d.headers_length = 13; }), "accepted");  // a name alone
}

TEST_F(AnswerTest, AnArrayIsAsLargeAsItsShapeSays) {
  using D = ResponseDescriptor;
  const auto tensor = [](D& d) {
    d.kind = static_cast<uint32_t>(ResponseKind::kTensor);
    d.encoding = 1;
    d.dtype = static_cast<uint8_t>(codec::DType::kFloat64);
    d.dimensions = 2;
    d.shape[0] = 2;
    d.shape[1] = 3;
    d.body_length = 48;
  };
  EXPECT_EQ(Refusal(tensor), "accepted");
  EXPECT_NE(Refusal([&](D& d) { tensor(d), d.body_length = 40; }), "accepted");
  EXPECT_NE(Refusal([&](D& d) { tensor(d), d.shape[0] = -2; }), "accepted");
  EXPECT_NE(Refusal([&](D& d) { tensor(d), d.shape[0] = int64_t{1} << 62; }), "accepted");
  EXPECT_NE(Refusal([&](D& d) { tensor(d), d.dtype = 0; }), "accepted");
  EXPECT_NE(Refusal([&](D& d) { tensor(d), d.dtype = 200; }), "accepted");
  EXPECT_NE(Refusal([&](D& d) { tensor(d), d.dimensions = 9; }), "accepted");
  EXPECT_NE(Refusal([&](D& d) { tensor(d), d.encoding = 0; }), "accepted");
  EXPECT_NE(Refusal([&](D& d) { tensor(d), d.encoding = 4; }), "accepted");
}

TEST_F(AnswerTest, AnyBytesAreReadOrRefused) {
  uint64_t state = 88172645463325252U;
  for (int round = 0; round < 200'000; ++round) {
    ResponseDescriptor descriptor = descriptor_;
    auto* bytes = reinterpret_cast<unsigned char*>(&descriptor);
    for (int change = 0; change < 1 + round % 4; ++change) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      bytes[state % sizeof descriptor] = static_cast<unsigned char>(state >> 32);
    }
    const auto answer = CheckAnswer(descriptor, area_, kOffset);
    if (!answer || answer->body.empty()) continue;
    ASSERT_GE(answer->body.data(), area_.data());
    ASSERT_LE(answer->body.data() + answer->body.size(), area_.data() + area_.size());
  }
}

}  // namespace
}  // namespace berth::serving::transport
