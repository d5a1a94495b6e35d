#include "storage/answer_checksum.h"

#include <gtest/gtest.h>

namespace berth::storage {
namespace {

// The sums of "123456789" that everybody publishes as check values.
constexpr std::pair<const char*, const char*> kOfDigits[] = {
    {"x-amz-checksum-crc32", "y/Q5Jg=="},
    {"x-amz-checksum-crc32c", "4waSgw=="},
    {"x-amz-checksum-crc64nvme", "rosUhgp5mIg="},
    {"x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="},
    {"x-amz-checksum-sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="},
};

bool Matches(const Headers& headers, std::string_view body) {
  AnswerChecksum checksum(headers);
  EXPECT_TRUE(checksum.known());
  checksum.Add(body.substr(0, 4));
  checksum.Add(body.substr(4));
  return checksum.Matches();
}

TEST(AnswerChecksum, EachKindTellsTheBodyFromAnother) {
  for (const auto& [header, sum] : kOfDigits) {
    SCOPED_TRACE(header);
    EXPECT_TRUE(Matches({{header, sum}}, "123456789"));
    EXPECT_FALSE(Matches({{header, sum}}, "123456788"));
  }
}

TEST(AnswerChecksum, ThatOfTheChecksumsOfPartsSaysNothingOfTheBody) {
  EXPECT_FALSE(AnswerChecksum(Headers{{"x-amz-checksum-crc32", "y/Q5Jg==-3"}}).known());
}

TEST(AnswerChecksum, WithoutOneThereIsNothingToCompare) {
  EXPECT_FALSE(AnswerChecksum(Headers{{"etag", "\"0\""}}).known());
  EXPECT_FALSE(AnswerChecksum().known());
}

}  // namespace
}  // namespace berth::storage
