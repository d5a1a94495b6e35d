#include "storage/failure.h"

#include <arpa/inet.h>
#include <aws/http/http.h>
#include <aws/io/io.h>
#include <fmt/format.h>

#include <cerrno>

#include "core/text.h"
#include "storage/retry.h"
#include "storage/runtime.h"

namespace berth::storage {
namespace {

// A proxy's page or a server's stack trace is cut.
constexpr size_t kMaxMessage = 300;

std::string Advice(const Attempted& attempted, const Fault& fault, const ErrorDocument& document) {
  const std::string_view code = document.code;
  const int status = fault.reply.status;
  const std::string region = RegionFrom(fault, document);
  if (code == "NoSuchBucket") {
    return fmt::format("there is no bucket \"{}\" at {}: check its name and the endpoint",
                       attempted.uri.bucket, attempted.host);
  }
  if (code == "InvalidAccessKeyId") {
    return fmt::format(
        "{} does not know this access key: it is wrong, deleted, or of another "
        "account or endpoint",
        attempted.host);
  }
  if (code == "SignatureDoesNotMatch") return "the secret access key is wrong";
  if (code == "ExpiredToken" || code == "TokenRefreshRequired") {
    return "the credentials have expired and no newer ones were found: renew them";
  }
  if (code == "InvalidToken")
    return "the session token is wrong: AWS_SESSION_TOKEN goes with its key";
  if (code == "RequestTimeTooSkewed") return "this machine's clock is wrong: set it";
  if (status == 301 || status == 307 || code == "AuthorizationHeaderMalformed" ||
      code == "PermanentRedirect") {
    if (!region.empty()) {
      return fmt::format("the bucket is in {}, this request was for {}: set AWS_REGION={}", region,
                         attempted.region, region);
    }
    return fmt::format("the bucket is not in {}: set AWS_REGION to the bucket's region",
                       attempted.region);
  }
  if (status == 403 || status == 401) {
    const bool key = attempted.permission != "s3:ListBucket";
    return fmt::format("these credentials need {} on arn:aws:s3:::{}{}{}", attempted.permission,
                       attempted.uri.bucket, key ? "/" : "", key ? attempted.uri.key : "") +
           (attempted.permission == "s3:GetObject"
                ? " (without s3:ListBucket on the bucket, an object that is missing looks the same)"
                : "");
  }
  if (code == "NoSuchKey" || (status == 404 && code.empty())) return "there is no such object";
  if (status == 429 || status == 503 || code == "SlowDown") {
    return "S3 is throttling: move fewer objects at once, or try later";
  }
  if (status >= 500) return "the server failed: try later";
  return {};
}

bool OfNames(int error) {
  return error == AWS_IO_DNS_QUERY_FAILED || error == AWS_IO_DNS_QUERY_AGAIN ||
         error == AWS_IO_DNS_NO_ADDRESS_FOR_HOST || error == AWS_IO_DNS_INVALID_NAME;
}

std::string WithoutPort(const std::string& host) {
  const size_t colon = host.rfind(':');
  const bool in_brackets = host.find(']', colon == host.npos ? host.size() : colon) != host.npos;
  return in_brackets ? host : host.substr(0, colon);
}

bool IsAddress(const std::string& name) {
  in_addr address{};
  return name.starts_with('[') || ::inet_pton(AF_INET, name.c_str(), &address) == 1;
}

// The runtime says of an address that it could not be resolved, where a connection to it failed
// shortly before.
bool OfAnAddress(int error, const std::string& host) {
  return OfNames(error) && IsAddress(WithoutPort(host));
}

std::string ConnectionAdvice(int error, const std::string& host) {
  if (OfAnAddress(error, host)) error = AWS_IO_SOCKET_CONNECTION_REFUSED;
  switch (error) {
    case AWS_IO_DNS_QUERY_FAILED:
    case AWS_IO_DNS_QUERY_AGAIN:
    case AWS_IO_DNS_NO_ADDRESS_FOR_HOST:
    case AWS_IO_DNS_INVALID_NAME:
      return fmt::format(
          "the name {} cannot be resolved: check the region or the endpoint, and "
          "that this machine has a network",
          WithoutPort(host));
    case AWS_IO_SOCKET_CONNECTION_REFUSED:
      return fmt::format("nothing listens at {}: check the endpoint", host);
    case AWS_IO_SOCKET_TIMEOUT:
      return fmt::format(
          "no connection to {}: check the network, its proxy and its firewall (a "
          "VPC needs an S3 endpoint)",
          host);
    case AWS_IO_SOCKET_CLOSED:
    case AWS_ERROR_HTTP_CONNECTION_CLOSED:
      return fmt::format(
          "{} closed the connection: check that it speaks what the endpoint's URL says, https:// "
          "or http://",
          host);
    case AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE:
    case AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE:
    case AWS_IO_TLS_INVALID_CERTIFICATE_CHAIN:
    case AWS_IO_TLS_HOST_NAME_MISMATCH:
    case AWS_IO_TLS_CERTIFICATE_EXPIRED:
      return fmt::format(
          "the certificate of {} is not trusted, or it does not speak TLS: name its "
          "certificate authority's PEM file in AWS_CA_BUNDLE",
          host);
    default:
      return {};
  }
}

}  // namespace

Failure Explain(const Attempted& attempted, const Fault& fault, const ErrorDocument& document) {
  const std::string what = fmt::format("cannot {} {}", attempted.verb, attempted.uri.Text());
  const std::string tries =
      attempted.attempts > 1 ? fmt::format(" after {} attempts", attempted.attempts) : "";
  Failure failure{0, {}, Error("")};
  switch (fault.kind) {
    case Fault::Kind::kCancelled:
      failure.error = Error(fmt::format("{}: cancelled", what), ECANCELED);
      return failure;
    case Fault::Kind::kDeadline:
      failure.error = Error(fmt::format("{}{}: {} did not answer in time: check the network", what,
                                        tries, attempted.host),
                            ETIMEDOUT);
      return failure;
    case Fault::Kind::kCorrupt:
      failure.error = Error(fmt::format("{}{}: what arrives from {} does not match its checksum: "
                                        "something between changes it, or the object is damaged",
                                        what, tries, attempted.host),
                            EBADMSG);
      return failure;
    case Fault::Kind::kSink:
      failure.error = Error(fmt::format("{}: its bytes could not be stored", what), EIO);
      return failure;
    case Fault::Kind::kConnection: {
      const std::string advice = ConnectionAdvice(fault.error, attempted.host);
      const std::string code = OfAnAddress(fault.error, attempted.host)
                                   ? ""
                                   : fmt::format(" ({})", RuntimeError(fault.error));
      failure.error = Error(fmt::format("{}{}: the connection failed{}{}{}", what, tries, code,
                                        advice.empty() ? "" : ": ", advice));
      return failure;
    }
    case Fault::Kind::kAnswer:
      break;
  }
  failure.status = fault.reply.status;
  failure.code = document.code;
  const std::string& header_id = fault.reply.Header("x-amz-request-id");
  const std::string_view id = header_id.empty() ? document.request_id : header_id;
  std::string about;
  const auto add = [&about](std::string_view text) {
    about += fmt::format("{}{}", about.empty() ? "" : "; ", text);
  };
  if (!document.message.empty()) add(ToValidUtf8(document.message, kMaxMessage));
  if (!id.empty()) add(fmt::format("request {}", ToValidUtf8(id, kMaxMessage)));
  if (!attempted.credentials.empty()) add(fmt::format("credentials: {}", attempted.credentials));
  const std::string advice = Advice(attempted, fault, document);
  failure.error =
      Error(fmt::format("{}{}: {}{}{}{}{}{}", what, tries, fault.reply.status,
                        document.code.empty() ? "" : " ", ToValidUtf8(document.code, kMaxMessage),
                        about.empty() ? "" : fmt::format(" ({})", about),
                        advice.empty() ? "" : ": ", advice),
            failure.status == 404                            ? ENOENT
            : failure.status == 403 || failure.status == 401 ? EACCES
                                                             : 0);
  return failure;
}

}  // namespace berth::storage
