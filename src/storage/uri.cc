#include "storage/uri.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"

namespace berth::storage {
namespace {

constexpr std::string_view kS3 = "s3://";
constexpr std::string_view kFile = "file://";
// S3's own limit, in bytes of UTF-8.
constexpr size_t kMaxKey = 1024;

// Laxer than AWS's rules for new buckets: old buckets and other servers have upper-case letters
// and underscores, access points are longer. What is refused could not be part of a URL's path.
bool ValidBucket(std::string_view name) {
  return name.size() >= 1 && name.size() <= 255 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.' || c == '_';
         });
}

}  // namespace

std::string S3Uri::Text() const {
  return fmt::format("s3://{}/{}", bucket, key);
}

S3Uri S3Uri::Below(std::string_view name) const {
  const bool separate = !key.empty() && key.back() != '/';
  return {bucket, fmt::format("{}{}{}", key, separate ? "/" : "", name)};
}

bool IsS3(std::string_view text) {
  return text.starts_with(kS3);
}

Result<S3Uri> ParseS3Uri(std::string_view text) {
  if (!IsS3(text)) {
    return Fail(fmt::format("\"{}\" is not an S3 address: expected s3://bucket/key", text));
  }
  const std::string_view rest = text.substr(kS3.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  S3Uri uri{std::string(rest.substr(0, slash)),
            std::string(rest.substr(std::min(slash + 1, rest.size())))};
  if (uri.bucket.empty()) {
    return Fail(fmt::format("\"{}\" names no bucket: expected s3://bucket/key", text));
  }
  if (!ValidBucket(uri.bucket)) {
    return Fail(fmt::format("\"{}\": \"{}\" cannot be the name of a bucket", text, uri.bucket));
  }
  if (uri.key.size() > kMaxKey) {
    return Fail(fmt::format("\"{}…\": the key has {} bytes, S3 allows {}",
                            ToValidUtf8(text.substr(0, 80)), uri.key.size(), kMaxKey));
  }
  if (FirstInvalidUtf8(uri.key)) {
    return Fail(fmt::format("\"{}\": the key is not UTF-8", ToValidUtf8(text)));
  }
  return uri;
}

Result<Uri> ParseUri(std::string_view text) {
  if (IsS3(text)) {
    BERTH_ASSIGN(S3Uri uri, ParseS3Uri(text));
    return Uri(std::move(uri));
  }
  if (text.starts_with(kFile)) {
    if (text.size() == kFile.size()) {
      return Fail(fmt::format("\"{}\" names no path: expected file:///path", text));
    }
    return Uri(FileUri{std::string(text.substr(kFile.size()))});
  }
  return Fail(fmt::format("\"{}\" is neither s3://bucket/key nor file:///path", text));
}

}  // namespace berth::storage
