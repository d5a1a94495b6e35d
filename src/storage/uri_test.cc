#include "storage/uri.h"

#include <gtest/gtest.h>

namespace berth::storage {
namespace {

TEST(Uri, TakesTheKeyAsItStands) {
  const auto uri = ParseS3Uri("s3://bucket/a b/ü%20?x#y/../z/");
  ASSERT_TRUE(uri) << uri.error().message();
  EXPECT_EQ(uri->bucket, "bucket");
  EXPECT_EQ(uri->key, "a b/ü%20?x#y/../z/");
  EXPECT_EQ(uri->Text(), "s3://bucket/a b/ü%20?x#y/../z/");
}

TEST(Uri, ABucketAloneIsAnEmptyPrefix) {
  EXPECT_EQ(ParseS3Uri("s3://bucket"), (S3Uri{"bucket", ""}));
  EXPECT_EQ(ParseS3Uri("s3://bucket/"), (S3Uri{"bucket", ""}));
}

TEST(Uri, BelowPutsOneSlashBetween) {
  EXPECT_EQ((S3Uri{"b", ""}).Below("x").key, "x");
  EXPECT_EQ((S3Uri{"b", "p"}).Below("x").key, "p/x");
  EXPECT_EQ((S3Uri{"b", "p/"}).Below("x/y").key, "p/x/y");
}

TEST(Uri, FilePathsAreTakenAsTheyStand) {
  const auto absolute = ParseUri("file:///a b/%20");
  ASSERT_TRUE(absolute);
  EXPECT_EQ(std::get<FileUri>(*absolute).path, "/a b/%20");
  EXPECT_EQ(std::get<FileUri>(*ParseUri("file://./data")).path, "./data");
  EXPECT_EQ(std::get<S3Uri>(*ParseUri("s3://b/k")).key, "k");
}

TEST(Uri, ErrorsNameWhatWasGiven) {
  EXPECT_EQ(ParseS3Uri("http://x").error().message(),
            "\"http://x\" is not an S3 address: expected s3://bucket/key");
  EXPECT_EQ(ParseS3Uri("s3:///key").error().message(),
            "\"s3:///key\" names no bucket: expected s3://bucket/key");
  EXPECT_EQ(ParseS3Uri("s3://a:b/key").error().message(),
            "\"s3://a:b/key\": \"a:b\" cannot be the name of a bucket");
  EXPECT_EQ(ParseS3Uri("s3://b/\xff").error().message(),
            "\"s3://b/\xEF\xBF\xBD\": the key is not UTF-8");
  EXPECT_FALSE(ParseS3Uri("s3://../key"));
  EXPECT_FALSE(ParseS3Uri("s3://b/" + std::string(1025, 'k')));
  EXPECT_EQ(ParseUri("file://").error().message(),
            "\"file://\" names no path: expected file:///path");
  EXPECT_EQ(ParseUri("/opt").error().message(),
            "\"/opt\" is neither s3://bucket/key nor file:///path");
}

}  // namespace
}  // namespace berth::storage
