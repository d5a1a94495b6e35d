#include "storage/object_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "storage/s3_xml.h"

namespace berth::storage {
namespace {

std::optional<uint64_t> Number(std::string_view text) {
  uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string Header(const Headers& headers, std::string_view name) {
  const auto found = headers.find(name);
  return found != headers.end() ? found->second : "";
}

}  // namespace

bool LooksLikeMd5(std::string_view etag) {
  return etag.size() == 32 && std::all_of(etag.begin(), etag.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

ObjectFacts FactsFrom(const Headers& headers, std::string key) {
  ObjectFacts facts;
  facts.info.key = std::move(key);
  facts.info.etag = Header(headers, "etag");
  std::erase(facts.info.etag, '"');
  facts.info.modified = SecondsOf(Header(headers, "last-modified"));
  // Of a multipart upload it may be a checksum of the parts' checksums.
  if (Header(headers, "x-amz-checksum-type") != "COMPOSITE") {
    for (const auto& [name, kind] : {std::pair("x-amz-checksum-crc64nvme", Crc::kCrc64nvme),
                                     std::pair("x-amz-checksum-crc32c", Crc::kCrc32c),
                                     std::pair("x-amz-checksum-crc32", Crc::kCrc32)}) {
      const std::string text = Header(headers, name);
      // Servers that do not send the type mark a composite one with "-<parts>".
      if (!text.empty() && text.find('-') == text.npos) facts.crc = {kind, text};
    }
  }
  // Encrypted with a key of KMS or of the customer, an object's ETag is something else.
  const std::string encryption = Header(headers, "x-amz-server-side-encryption");
  facts.md5 = LooksLikeMd5(facts.info.etag) && (encryption.empty() || encryption == "AES256") &&
              Header(headers, "x-amz-server-side-encryption-customer-algorithm").empty();
  return facts;
}

std::expected<ObjectFacts, Failure> AskFacts(Requester& requester, const S3Uri& uri,
                                             std::string_view verb, const Cancellation* cancel) {
  Request request{.method = "HEAD",
                  .operation = "HeadObject",
                  .bucket = uri.bucket,
                  .key = uri.key,
                  .prefix = {},
                  .query = {},
                  .headers = {{"x-amz-checksum-mode", "ENABLED"}},
                  .body = {},
                  .sink = {}};
  auto reply = requester.Send(request, verb, "s3:GetObject", 0, cancel);
  std::optional<uint64_t> size;
  if (reply) {
    size = Number(reply->Header("content-length"));
  } else {
    if (reply.error().status < 300 || reply.error().cancelled()) {
      return std::unexpected(std::move(reply).error());
    }
    // An answer to HEAD has no body, and so no reason. The first byte's range does, and where it
    // is answered (a server that lacks HEAD) says all that HEAD would have.
    request.method = "GET";
    request.operation = "GetObject";
    request.headers = {{"range", "bytes=0-0"}};
    reply = requester.Send(request, verb, "s3:GetObject", 1, cancel);
    if (!reply) return std::unexpected(std::move(reply).error());
    const std::string& range = reply->Header("content-range");
    const size_t slash = range.find('/');
    if (slash != range.npos) size = Number(std::string_view(range).substr(slash + 1));
  }
  if (!size) {
    return std::unexpected(
        Failure{reply->status,
                {},
                Error(fmt::format("cannot {} {}: the answer does not say how long the object is",
                                  verb, uri.Text()))});
  }
  ObjectFacts facts = FactsFrom(reply->headers, uri.key);
  facts.info.size = *size;
  return facts;
}

}  // namespace berth::storage
