#include "platform/manifest.h"

#include <fmt/format.h>

#include "core/json.h"
#include "core/text.h"

namespace berth::platform {
namespace {

constexpr std::string_view kShape = R"([{"prefix": "s3://bucket/folder/"}, "name", …])";

bool HasScheme(std::string_view uri) {
  return uri.starts_with("s3://") || uri.starts_with("file://");
}

Result<ManifestPart> ReadPart(const json::Object& line, const std::string& attribute) {
  const json::Value* value = line.Find(attribute);
  if (value == nullptr) return Fail(fmt::format("has no attribute {}", Quoted(attribute)));
  const std::string* text = value->AsString();
  if (!attribute.ends_with("-ref")) {
    return ManifestPart{false, text != nullptr ? *text : json::Dump(*value)};
  }
  if (text == nullptr || !HasScheme(*text)) {
    return Fail(fmt::format("{} must be an s3:// address, found {}", Quoted(attribute),
                            text != nullptr ? Quoted(*text) : std::string(value->TypeName())));
  }
  return ManifestPart{true, *text};
}

Result<std::vector<ManifestPart>> ReadLine(std::string_view text,
                                           const std::vector<std::string>& attributes) {
  BERTH_ASSIGN(const json::Value value, json::Parse(text));
  const json::Object* line = value.AsObject();
  if (line == nullptr) return Fail(fmt::format("must be an object, found {}", value.TypeName()));
  std::vector<ManifestPart> parts;
  parts.reserve(attributes.size());
  for (const std::string& attribute : attributes) {
    BERTH_ASSIGN(ManifestPart part, ReadPart(*line, attribute));
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace

Result<Manifest> ParseManifest(std::string_view text) {
  auto parsed = json::Parse(text);
  const std::string_view first = text.substr(0, text.find('\n'));
  if (Trim(first).starts_with('{') && json::Parse(first)) {
    return Fail(
        "it is an augmented manifest, an object on each line: its S3DataType is "
        "AugmentedManifestFile");
  }
  BERTH_ASSIGN(const json::Value value, std::move(parsed));
  const json::Array* array = value.AsArray();
  if (array == nullptr || array->empty() || array->front().AsObject() == nullptr) {
    return Fail(fmt::format("expected {}, found {}", kShape,
                            array == nullptr ? value.TypeName() : "an array without a prefix"));
  }
  const json::Value* prefix = array->front().AsObject()->Find("prefix");
  Manifest manifest;
  if (prefix == nullptr || prefix->AsString() == nullptr || !HasScheme(*prefix->AsString())) {
    return Fail(fmt::format("its first element must name a prefix: {}", kShape));
  }
  manifest.prefix = *prefix->AsString();
  for (size_t i = 1; i < array->size(); ++i) {
    const std::string* suffix = (*array)[i].AsString();
    if (suffix == nullptr || suffix->empty()) {
      return Fail(fmt::format("element {} must be a name, found {}", i,
                              suffix == nullptr ? (*array)[i].TypeName() : "an empty string"));
    }
    manifest.suffixes.push_back(*suffix);
  }
  if (manifest.suffixes.empty()) return Fail("it names no object behind its prefix");
  return manifest;
}

Result<std::vector<std::vector<ManifestPart>>> ParseAugmentedManifest(
    std::string_view text, const std::vector<std::string>& attributes) {
  std::vector<std::vector<ManifestPart>> lines;
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (Trim(line).empty()) continue;
    auto parts = ReadLine(line, attributes);
    if (!parts) return Fail(parts.error().Within(fmt::format("line {}", number)));
    lines.push_back(*std::move(parts));
  }
  if (lines.empty()) return Fail("it has no lines");
  return lines;
}

}  // namespace berth::platform
