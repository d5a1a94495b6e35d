#include "storage/failure.h"

#include <aws/io/io.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace berth::storage {
namespace {

Attempted Get() {
  return {.verb = "get",
          .uri = {"b", "k"},
          .permission = "s3:GetObject",
          .region = "us-east-1",
          .host = "h:1",
          .credentials = "environment variables",
          .attempts = 1};
}

std::string Said(const Attempted& attempted, int status, ErrorDocument document,
                 Headers headers = {}) {
  Fault fault{.kind = Fault::Kind::kAnswer, .error = 0, .reply = {}};
  fault.reply.status = status;
  fault.reply.headers = std::move(headers);
  const Failure failure = Explain(attempted, fault, document);
  EXPECT_EQ(failure.status, status);
  EXPECT_EQ(failure.code, document.code);
  return failure.error.message();
}

TEST(Failure, SaysWhatWasRefusedToWhomAndWhatToDo) {
  EXPECT_EQ(Said(Get(), 403, {"AccessDenied", "Access Denied", "", "R1"}),
            "cannot get s3://b/k: 403 AccessDenied (Access Denied; request R1; credentials: "
            "environment variables): these credentials need s3:GetObject on arn:aws:s3:::b/k "
            "(without s3:ListBucket on the bucket, an object that is missing looks the same)");
  Attempted list = Get();
  list.verb = "list";
  list.permission = "s3:ListBucket";
  EXPECT_EQ(Said(list, 403, {"AccessDenied", "", "", ""}),
            "cannot list s3://b/k: 403 AccessDenied (credentials: environment variables): these "
            "credentials need s3:ListBucket on arn:aws:s3:::b");
}

TEST(Failure, SaysWhereTheBucketIs) {
  EXPECT_EQ(
      Said(Get(), 301, {"PermanentRedirect", "", "", ""}, {{"x-amz-bucket-region", "eu-west-1"}}),
      "cannot get s3://b/k: 301 PermanentRedirect (credentials: environment variables): the "
      "bucket is in eu-west-1, this request was for us-east-1: set AWS_REGION=eu-west-1");
  EXPECT_EQ(Said(Get(), 404, {"NoSuchBucket", "", "", ""}, {{"x-amz-request-id", "R"}}),
            "cannot get s3://b/k: 404 NoSuchBucket (request R; credentials: environment "
            "variables): there is no bucket \"b\" at h:1: check its name and the endpoint");
}

TEST(Failure, CountsAttempts) {
  Attempted tried = Get();
  tried.attempts = 10;
  EXPECT_EQ(Said(tried, 503, {"SlowDown", "", "", ""}),
            "cannot get s3://b/k after 10 attempts: 503 SlowDown (credentials: environment "
            "variables): S3 is throttling: move fewer objects at once, or try later");
}

TEST(Failure, AnAddressIsNotResolvedAndANameHasNoPort) {
  const Fault fault{
      .kind = Fault::Kind::kConnection, .error = AWS_IO_DNS_QUERY_FAILED, .reply = {}};
  EXPECT_TRUE(Explain(Get(), fault, {})
                  .error.message()
                  .ends_with(": the name h cannot be resolved: check the "
                             "region or the endpoint, and that this machine has a network"))
      << Explain(Get(), fault, {}).error.message();
  for (const char* host : {"127.0.0.1:18765", "[::1]:1", "[::1]", "10.0.0.1"}) {
    Attempted address = Get();
    address.host = host;
    EXPECT_EQ(Explain(address, fault, {}).error.message(),
              std::string("cannot get s3://b/k: the connection failed: nothing listens at ") +
                  host + ": check the endpoint");
  }
}

TEST(Failure, SaysWhyThereWasNoAnswer) {
  Fault fault{
      .kind = Fault::Kind::kConnection, .error = AWS_IO_SOCKET_CONNECTION_REFUSED, .reply = {}};
  EXPECT_TRUE(Explain(Get(), fault, {})
                  .error.message()
                  .ends_with(": nothing listens at h:1: check the endpoint"));
  fault.error = AWS_IO_SOCKET_CLOSED;
  EXPECT_TRUE(Explain(Get(), fault, {})
                  .error.message()
                  .ends_with(": h:1 closed the connection: check that it speaks what the "
                             "endpoint's URL says, https:// or http://"));
  fault.kind = Fault::Kind::kCancelled;
  EXPECT_EQ(Explain(Get(), fault, {}).error.message(), "cannot get s3://b/k: cancelled");
  EXPECT_TRUE(Explain(Get(), fault, {}).cancelled());
}

}  // namespace
}  // namespace berth::storage
