// The XML of S3's answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "storage/object_info.h"

namespace berth::storage {

/// "2026-01-31T12:00:00.000Z", as listings have it, or "Sat, 31 Jan 2026 12:00:00 GMT", as headers
/// have it, as seconds since 1970; 0 for anything else.
int64_t SecondsOf(const std::string& time);

/// One page of ListObjectsV2.
struct ListPage {
  std::vector<ObjectInfo> objects;
  /// With a delimiter: the "folders" of this level, each ending in the delimiter.
  std::vector<std::string> prefixes;
  /// Set where there is a next page.
  std::optional<std::string> continuation;
};

/// Keys come back decoded, whether or not the server honoured encoding-type=url.
[[nodiscard]] Result<ListPage> ParseListPage(std::string_view xml);

/// <Error>. Members are empty where the document lacks them, or is none: proxies in between
/// answer in HTML.
struct ErrorDocument {
  std::string code;
  std::string message;
  std::string region;
  std::string request_id;
};
ErrorDocument ParseErrorDocument(std::string_view xml);

/// <UploadId> of CreateMultipartUpload's answer.
[[nodiscard]] Result<std::string> ParseUploadId(std::string_view xml);

/// One part of CompleteMultipartUpload's request.
struct UploadedPart {
  std::string etag;   ///< as S3 gave it, with its quotes
  std::string crc32;  ///< base64; empty where none was sent
};
std::string CompleteDocument(const std::vector<UploadedPart>& parts);

}  // namespace berth::storage
