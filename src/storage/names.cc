#include "storage/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/text.h"

namespace berth::storage {
namespace {

constexpr size_t kMaxSegment = 255;  // NAME_MAX of every file system in use
constexpr size_t kMaxPath = 3000;    // leaves room below PATH_MAX (4096) for the directory
constexpr size_t kMaxKey = 1024;     // S3's

bool Unreserved(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string Encoded(std::string_view text, bool keep_slash) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size() + text.size() / 4);
  for (const char each : text) {
    const auto c = static_cast<unsigned char>(each);
    if (Unreserved(c) || (keep_slash && c == '/')) {
      encoded += each;
    } else {
      encoded += '%';
      encoded += kDigits[c >> 4];
      encoded += kDigits[c & 15];
    }
  }
  return encoded;
}

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

}  // namespace

std::string EncodedPath(std::string_view key) {
  return Encoded(key, true);
}
std::string EncodedQuery(std::string_view text) {
  return Encoded(text, false);
}

std::string Decoded(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const auto high = HexDigit(text[i + 1]);
      const auto low = HexDigit(text[i + 2]);
      if (high && low) {
        decoded += static_cast<char>(*high * 16 + *low);
        i += 2;
        continue;
      }
    }
    decoded += text[i] == '+' && plus_is_space ? ' ' : text[i];
  }
  return decoded;
}

bool Belongs(std::string_view key, std::string_view prefix) {
  if (!key.starts_with(prefix)) return false;
  return prefix.empty() || prefix.back() == '/' || key.size() == prefix.size() ||
         key[prefix.size()] == '/';
}

Result<LocalName> LocalNameOf(const S3Uri& object, std::string_view prefix) {
  const auto refuse = [&](std::string_view why) {
    return Fail(fmt::format("{} cannot become a file: {}: rename it, or name a prefix without it",
                            object.Text(), why));
  };
  std::string_view rest = object.key;
  rest.remove_prefix(std::min(prefix.size(), rest.size()));
  if (!prefix.empty() && prefix.back() != '/' && rest.starts_with('/')) rest.remove_prefix(1);

  LocalName name;
  if (rest.ends_with('/')) {
    name.directory = true;
    rest.remove_suffix(1);
  }
  name.path = std::string(rest);
  if (rest.empty()) {
    // "prefix/" itself stands for the directory; "prefix//" is an empty name in it.
    if (object.key.ends_with("//")) return refuse("its key has an empty segment");
    name.directory = name.directory || object.key.ends_with('/');
    return name;
  }
  if (rest.size() > kMaxPath) return refuse("its key is too long for a path");
  if (rest.find('\0') != rest.npos) return refuse("its key has a zero byte");
  for (const std::string& segment : Split(rest, '/')) {
    if (segment.empty()) return refuse("its key has an empty segment");
    if (segment == "." || segment == "..") {
      return refuse(fmt::format("its key has the segment \"{}\"", segment));
    }
    if (segment.size() > kMaxSegment) {
      return refuse(fmt::format("a segment of its key has more than {} bytes", kMaxSegment));
    }
  }
  return name;
}

Result<S3Uri> ObjectOf(const std::filesystem::path& relative, const S3Uri& prefix) {
  const std::string name = relative.generic_string();
  if (FirstInvalidUtf8(name)) {
    return Fail(fmt::format("\"{}\" cannot be uploaded: its name is not UTF-8", ToValidUtf8(name)));
  }
  S3Uri object = prefix.Below(name);
  if (object.key.size() > kMaxKey) {
    return Fail(
        fmt::format("\"{}\" cannot be uploaded: its key below {} would have {} bytes, S3 "
                    "allows {}",
                    name, prefix.Text(), object.key.size(), kMaxKey));
  }
  return object;
}

}  // namespace berth::storage
