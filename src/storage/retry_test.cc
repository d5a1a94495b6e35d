#include "storage/retry.h"

#include <aws/http/http.h>
#include <aws/io/io.h>
#include <gtest/gtest.h>

namespace berth::storage {
namespace {

Remedy ForAnswer(int status, std::string code, std::string region = {}) {
  Fault fault{.kind = Fault::Kind::kAnswer, .error = 0, .reply = {}};
  fault.reply.status = status;
  if (!region.empty()) fault.reply.headers["x-amz-bucket-region"] = region;
  ErrorDocument document;
  document.code = std::move(code);
  return RemedyFor(fault, document);
}

Remedy ForError(int error) {
  return RemedyFor(Fault{.kind = Fault::Kind::kConnection, .error = error, .reply = {}}, {});
}

TEST(Retry, WaitsForWhatPasses) {
  for (const int status : {408, 429, 500, 502, 503, 504}) {
    EXPECT_EQ(ForAnswer(status, ""), Remedy::kWait) << status;
  }
  EXPECT_EQ(ForAnswer(503, "SlowDown"), Remedy::kWait);
  EXPECT_EQ(ForAnswer(200, "InternalError"), Remedy::kWait);
  EXPECT_EQ(ForAnswer(400, "RequestTimeout"), Remedy::kWait);
  EXPECT_EQ(ForAnswer(400, "BadDigest"), Remedy::kWait);
  EXPECT_EQ(ForError(AWS_ERROR_HTTP_CONNECTION_CLOSED), Remedy::kWait);
  EXPECT_EQ(ForError(AWS_IO_SOCKET_CONNECTION_REFUSED), Remedy::kWait);
  EXPECT_EQ(ForError(AWS_IO_DNS_QUERY_FAILED), Remedy::kWait);
  EXPECT_EQ(RemedyFor(Fault{.kind = Fault::Kind::kCorrupt, .error = 0, .reply = {}}, {}),
            Remedy::kWait);
}

TEST(Retry, DoesNotWaitForWhatStays) {
  EXPECT_EQ(ForAnswer(403, "AccessDenied"), Remedy::kNone);
  EXPECT_EQ(ForAnswer(404, "NoSuchKey"), Remedy::kNone);
  EXPECT_EQ(ForAnswer(400, "InvalidRequest"), Remedy::kNone);
  EXPECT_EQ(ForAnswer(412, "PreconditionFailed"), Remedy::kNone);
  EXPECT_EQ(ForAnswer(501, "NotImplemented"), Remedy::kNone);
  EXPECT_EQ(ForError(AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE), Remedy::kNone);
  EXPECT_EQ(RemedyFor(Fault{.kind = Fault::Kind::kCancelled, .error = 0, .reply = {}}, {}),
            Remedy::kNone);
}

TEST(Retry, KnowsExpiredCredentialsAndOtherRegions) {
  EXPECT_EQ(ForAnswer(400, "ExpiredToken"), Remedy::kAsk);
  EXPECT_EQ(ForAnswer(301, "PermanentRedirect", "eu-west-1"), Remedy::kOtherRegion);
  EXPECT_EQ(ForAnswer(400, "", "eu-west-1"), Remedy::kOtherRegion);
  EXPECT_EQ(ForAnswer(301, "PermanentRedirect"), Remedy::kNone);
  EXPECT_EQ(ForAnswer(301, "PermanentRedirect", "evil.example/"), Remedy::kNone);
  // The header is in many answers; it alone is no redirection.
  EXPECT_EQ(ForAnswer(403, "AccessDenied", "eu-west-1"), Remedy::kNone);
}

TEST(Retry, BackoffGrowsToItsLimitAndIsSpread) {
  using std::chrono::milliseconds;
  EXPECT_EQ(Backoff(1, milliseconds(200), milliseconds(10'000), UINT32_MAX), milliseconds(200));
  EXPECT_EQ(Backoff(3, milliseconds(200), milliseconds(10'000), UINT32_MAX), milliseconds(800));
  EXPECT_EQ(Backoff(50, milliseconds(200), milliseconds(10'000), UINT32_MAX), milliseconds(10'000));
  EXPECT_EQ(Backoff(50, milliseconds(200), milliseconds(10'000), 0), milliseconds(0));
  EXPECT_EQ(Backoff(2, milliseconds(200), milliseconds(10'000), UINT32_MAX / 2), milliseconds(199));
}

}  // namespace
}  // namespace berth::storage
