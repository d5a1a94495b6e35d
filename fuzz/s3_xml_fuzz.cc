// Bodies of answers from a server, or from whatever is in its place: each is understood or refused,
// and what of it comes into a message is text.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/text.h"
#include "storage/failure.h"
#include "storage/retry.h"
#include "storage/s3_xml.h"

namespace {

using namespace berth::storage;

void Require(bool holds) {
  if (!holds) std::abort();
}

void RequireMessage(std::string_view body, int status) {
  const ErrorDocument document = ParseErrorDocument(body);
  const Fault fault{.kind = Fault::Kind::kAnswer,
                    .error = 0,
                    .reply = {.status = status, .headers = {}, .body = std::string(body)}};
  if (RemedyFor(fault, document) == Remedy::kOtherRegion) {
    const std::string region = RegionFrom(fault, document);
    Require(!region.empty() && region.find_first_of("./:@") == region.npos);
  }
  const Attempted attempted{.verb = "get",
                            .uri = {"bucket", "key"},
                            .permission = "s3:GetObject",
                            .region = "us-east-1",
                            .host = "host",
                            .credentials = "profile"};
  const std::string message(Explain(attempted, fault, document).error.message());
  Require(message.starts_with("cannot get s3://bucket/key: "));
  Require(!berth::FirstInvalidUtf8(message) && message.size() < 4000);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto page = ParseListPage(body)) {
    Require(!page->continuation || !page->continuation->empty());
  }
  constexpr std::array kStatuses = {200, 301, 400, 403, 404, 500, 503};
  for (const int status : kStatuses) RequireMessage(body, status);
  if (const auto id = ParseUploadId(body)) {
    Require(!id->empty());
    // An ETag from the same stranger must not end its element.
    const std::string document = CompleteDocument({{.etag = *id, .crc32 = {}}});
    Require(document.find("</ETag>") == document.rfind("</ETag>"));
  }
  return 0;
}
