#include "storage/retry.h"

#include <aws/http/http.h>
#include <aws/io/io.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace berth::storage {
namespace {

bool OneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Nothing that a second look would change: certificates, malformed requests, our own limits.
bool Permanent(int error) {
  switch (error) {
    case AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE:
    case AWS_IO_TLS_ERROR_DEFAULT_TRUST_STORE_NOT_FOUND:
    case AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE:
    case AWS_IO_TLS_NO_ROOT_CERTIFICATE_FOUND:
    case AWS_IO_TLS_CERTIFICATE_EXPIRED:
    case AWS_IO_TLS_CERTIFICATE_NOT_YET_VALID:
    case AWS_IO_TLS_INVALID_CERTIFICATE_CHAIN:
    case AWS_IO_TLS_HOST_NAME_MISMATCH:
    case AWS_IO_DNS_INVALID_NAME:
    case AWS_ERROR_INVALID_ARGUMENT:
    case AWS_ERROR_SHORT_BUFFER:
    case AWS_ERROR_OOM:
      return true;
    default:
      return false;
  }
}

// It becomes a part of a host's name and of messages, and a stranger may have written it.
bool IsRegion(std::string_view region) {
  return region.size() <= 40 && std::all_of(region.begin(), region.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

}  // namespace

std::string RegionFrom(const Fault& fault, const ErrorDocument& document) {
  const std::string& header = fault.reply.Header("x-amz-bucket-region");
  const std::string& region = !header.empty() ? header : document.region;
  return IsRegion(region) ? region : "";
}

Remedy RemedyFor(const Fault& fault, const ErrorDocument& document) {
  switch (fault.kind) {
    case Fault::Kind::kCorrupt:
      return Remedy::kWait;
    case Fault::Kind::kConnection:
      return Permanent(fault.error) ? Remedy::kNone : Remedy::kWait;
    case Fault::Kind::kDeadline:
      return Remedy::kWait;
    case Fault::Kind::kCancelled:
    case Fault::Kind::kSink:
      return Remedy::kNone;
    case Fault::Kind::kAnswer:
      break;
  }
  const int status = fault.reply.status;
  const std::string_view code = document.code;
  if (OneOf(code, {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})) {
    return Remedy::kAsk;
  }
  const bool elsewhere = status == 301 || status == 307 || code == "PermanentRedirect" ||
                         code == "AuthorizationHeaderMalformed" ||
                         code == "IllegalLocationConstraintException" ||
                         // A HEAD has no body to say why.
                         (status == 400 && code.empty());
  if (elsewhere && !RegionFrom(fault, document).empty()) return Remedy::kOtherRegion;
  if (OneOf(code, {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout",
                   "RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestThrottled",
                   "TooManyRequests", "TooManyRequestsException", "BandwidthLimitExceeded",
                   "OperationAborted", "ConditionalRequestConflict",
                   // Our body arrived changed.
                   "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch",
                   "IncompleteBody"})) {
    return Remedy::kWait;
  }
  if (status == 408 || status == 429 || status == 499 || status == 500 || status == 502 ||
      status == 503 || status == 504 || status == 509) {
    return Remedy::kWait;
  }
  return Remedy::kNone;
}

std::chrono::milliseconds Backoff(int attempt, std::chrono::milliseconds base,
                                  std::chrono::milliseconds limit, uint32_t random) {
  const int doublings = std::clamp(attempt - 1, 0, 20);
  const auto longest = std::min(limit, base * (int64_t{1} << doublings));
  return longest * static_cast<int64_t>(random) / int64_t{UINT32_MAX};
}

}  // namespace berth::storage
