#include "contract/config_file.h"

#include <fmt/format.h>

#include "core/text.h"
#include "core/wtf8.h"

namespace berth::contract {

Result<json::Object> ReadObject(const ConfigFile& file, std::string_view content) {
  const std::string expected = fmt::format("{} as a JSON object", content);
  if (!file.bytes) {
    const std::string& why = file.bytes.error().message();
    const int cause = file.bytes.error().system_error();
    if (why.find(file.path) != std::string::npos) {
      return Fail(fmt::format("{} (expected {})", why, expected), cause);
    }
    return Fail(fmt::format("cannot read \"{}\": {} (expected {})", file.path, why, expected),
                cause);
  }
  if (Trim(*file.bytes).empty()) {
    return FailAt(file.path, "line 1, column 1", expected,
                  file.bytes->empty() ? "an empty file" : "nothing but white space");
  }
  Result<json::Value> value = json::Parse(*file.bytes);
  if (!value) {
    return Fail(value.error().Within(fmt::format("cannot use \"{}\"", file.path)));
  }
  json::Object* object = value->AsObject();
  if (object == nullptr) return FailAt(file.path, "line 1", expected, value->TypeName());
  return std::move(*object);
}

std::unexpected<Error> FailAt(const std::string& path, std::string_view place,
                              std::string_view expected, std::string_view found) {
  return Fail(
      fmt::format("cannot use \"{}\": {}: expected {}, found {}", path, place, expected, found));
}

std::string QuotedName(std::string_view name) {
  constexpr size_t kLongest = 300;
  return ToValidUtf8(json::DumpPretty(name), kLongest);
}

std::string Members::PlaceOf(std::string_view key) const {
  return place_.empty() ? std::string(key) : fmt::format("{}.{}", place_, key);
}

Result<std::string> Members::String(std::string_view key) const {
  const json::Value* value = object_.Find(key);
  if (value == nullptr) return FailAt(path_, PlaceOf(key), "a string", "nothing");
  const std::string* text = value->AsString();
  if (text == nullptr) return FailAt(path_, PlaceOf(key), "a string", value->TypeName());
  BERTH_TRY(CheckPassable(*text, path_, PlaceOf(key)));
  return *text;
}

Result<std::string> Members::String(std::string_view key, std::string_view absent) const {
  if (!object_.Contains(key)) return std::string(absent);
  return String(key);
}

Result<std::vector<std::string>> Members::Strings(std::string_view key) const {
  const json::Value* value = object_.Find(key);
  if (value == nullptr) return FailAt(path_, PlaceOf(key), "an array of strings", "nothing");
  return contract::Strings(*value, path_, PlaceOf(key));
}

Result<const json::Array*> Members::OptionalArray(std::string_view key) const {
  const json::Value* value = object_.Find(key);
  if (value == nullptr) return nullptr;
  const json::Array* array = value->AsArray();
  if (array == nullptr) return FailAt(path_, PlaceOf(key), "an array", value->TypeName());
  return array;
}

Result<std::vector<std::string>> Strings(const json::Value& value, const std::string& path,
                                         const std::string& place) {
  const json::Array* array = value.AsArray();
  if (array == nullptr) return FailAt(path, place, "an array of strings", value.TypeName());
  std::vector<std::string> texts;
  texts.reserve(array->size());
  for (size_t i = 0; i < array->size(); ++i) {
    const std::string* text = (*array)[i].AsString();
    const std::string here = fmt::format("{}[{}]", place, i);
    if (text == nullptr) return FailAt(path, here, "a string", (*array)[i].TypeName());
    BERTH_TRY(CheckPassable(*text, path, here));
    texts.push_back(*text);
  }
  return texts;
}

Result<void> CheckPassable(std::string_view text, const std::string& path, std::string_view place) {
  for (size_t at = 0; at < text.size();) {
    const unsigned code = NextWtf8(text, at);
    if (code == 0) {
      return FailAt(path, place, "text that a process can be given", "a NUL character (\\u0000)");
    }
    if (IsSurrogate(code) && (code < 0xDC80 || code > 0xDCFF)) {
      return FailAt(path, place, "text that a process can be given",
                    fmt::format("half a surrogate pair (\\u{:04x})", code));
    }
  }
  return {};
}

}  // namespace berth::contract
