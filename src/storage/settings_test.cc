#include "storage/settings.h"

#include <gtest/gtest.h>

namespace berth::storage {
namespace {

TEST(Settings, TheFirstVariableThatIsSetWins) {
  const auto settings = Settings::FromEnvironment({{"AWS_REGION", ""},
                                                   {"SAGEMAKER_REGION", "eu-west-1"},
                                                   {"AWS_DEFAULT_REGION", "us-east-2"},
                                                   {"AWS_ENDPOINT_URL", "http://c"},
                                                   {"AWS_ENDPOINT_URL_S3", "http://b:9000"},
                                                   {"AWS_CA_BUNDLE", "/ca.pem"},
                                                   {"SSL_CERT_FILE", "/other.pem"}});
  ASSERT_TRUE(settings) << settings.error().message();
  EXPECT_EQ(settings->region, "eu-west-1");
  EXPECT_EQ(settings->endpoint, "http://b:9000");
  EXPECT_EQ(settings->ca_file, "/ca.pem");
  EXPECT_TRUE(settings->upload_checksums);
  EXPECT_EQ(Settings::FromEnvironment(
                {{"S3_ENDPOINT_URL", "http://a"}, {"AWS_ENDPOINT_URL_S3", "http://b"}})
                ->endpoint,
            "http://a");
}

TEST(Settings, HalfAKeyAndABadEndpointAreErrorsThatNameThem) {
  EXPECT_EQ(Settings::FromEnvironment({{"AWS_ACCESS_KEY_ID", "x"}}).error().message(),
            "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY: set both or neither");
  EXPECT_EQ(Settings::FromEnvironment({{"S3_ENDPOINT_URL", "localhost:9000"}}).error().message(),
            "the S3 endpoint \"localhost:9000\" is not a URL: expected https://host[:port] or "
            "http://host[:port]");
  EXPECT_FALSE(Settings::FromEnvironment({{"S3_ENDPOINT_URL", "http://user@host"}}));
  EXPECT_FALSE(Settings::FromEnvironment({{"S3_ENDPOINT_URL", "http://"}}));
}

TEST(Settings, AmazonIsReachedByHostNameAndOthersByPath) {
  Settings amazon;
  EXPECT_EQ(TargetOf(amazon, "eu-west-1", "my-bucket")->host,
            "my-bucket.s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(TargetOf(amazon, "eu-west-1", "my-bucket")->base_path, "");
  EXPECT_EQ(TargetOf(amazon, "cn-north-1", "my-bucket")->host,
            "my-bucket.s3.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(TargetOf(amazon, "eu-west-1", "my.bucket")->host, "s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(TargetOf(amazon, "eu-west-1", "my.bucket")->base_path, "/my.bucket");

  Settings other;
  other.endpoint = "http://localhost:9000/s3/";
  const auto target = TargetOf(other, "us-east-1", "my-bucket");
  ASSERT_TRUE(target);
  EXPECT_FALSE(target->tls);
  EXPECT_EQ(target->host, "localhost:9000");
  EXPECT_EQ(target->base_path, "/s3/my-bucket");
  EXPECT_FALSE(IsAmazon(other));
  other.endpoint = "https://s3.dualstack.eu-west-1.amazonaws.com";
  EXPECT_TRUE(IsAmazon(other));
  EXPECT_EQ(TargetOf(other, "eu-west-1", "my-bucket")->host,
            "my-bucket.s3.dualstack.eu-west-1.amazonaws.com");
}

}  // namespace
}  // namespace berth::storage
