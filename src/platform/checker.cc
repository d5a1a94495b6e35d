#include "platform/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/text.h"

namespace berth::platform {
namespace {

/// Long values are named by their beginning.
constexpr size_t kQuotedBytes = 64;

std::string Quoted(std::string_view text) {
  const bool cut = text.size() > kQuotedBytes;
  return fmt::format("\"{}{}\"", ToValidUtf8(text, kQuotedBytes), cut ? "…" : "");
}

}  // namespace

size_t CharacterCount(std::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string Place(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

void Checker::Problem(std::string_view place, std::string_view what) {
  problems.push_back(fmt::format("{}: {}", place, what));
}

void Checker::Warning(std::string_view place, std::string_view what) {
  warnings.push_back(fmt::format("{}: {}", place, what));
}

const json::Object* Checker::Object(const json::Object& parent, const std::string& path,
                                    std::string_view key) {
  const json::Value* value = parent.Find(key);
  if (value == nullptr) return nullptr;
  if (const json::Object* object = value->AsObject()) return object;
  Problem(Place(path, key), fmt::format("must be an object, found {}", value->TypeName()));
  return nullptr;
}

const json::Array* Checker::Array(const json::Object& parent, const std::string& path,
                                  std::string_view key, size_t most, size_t least) {
  const json::Value* value = parent.Find(key);
  if (value == nullptr) return nullptr;
  const json::Array* array = value->AsArray();
  if (array == nullptr) {
    Problem(Place(path, key), fmt::format("must be an array, found {}", value->TypeName()));
    return nullptr;
  }
  if (array->size() > most) {
    Problem(Place(path, key), fmt::format("at most {} elements, found {}", most, array->size()));
  }
  if (array->size() < least) {
    Problem(Place(path, key), fmt::format("at least {} element, found none", least));
  }
  return array;
}

bool Checker::Length(const std::string& place, std::string_view text, size_t most, size_t least) {
  const size_t length = CharacterCount(text);
  if (length > most) {
    Problem(place, fmt::format("at most {} characters, found {}", most, length));
    return false;
  }
  if (length < least) {
    Problem(place, "must not be empty");
    return false;
  }
  return true;
}

const std::string* Checker::Text(const json::Object& parent, const std::string& path,
                                 std::string_view key, size_t most, size_t least) {
  const json::Value* value = parent.Find(key);
  if (value == nullptr) return nullptr;
  const std::string* text = value->AsString();
  if (text == nullptr) {
    Problem(Place(path, key), fmt::format("must be a string, found {}", value->TypeName()));
    return nullptr;
  }
  return Length(Place(path, key), *text, most, least) ? text : nullptr;
}

const std::string* Checker::RequiredText(const json::Object& parent, const std::string& path,
                                         std::string_view key, size_t most) {
  if (!parent.Contains(key)) Problem(Place(path, key), "is missing");
  return Text(parent, path, key, most, 1);
}

const std::string* Checker::OneOf(const json::Object& parent, const std::string& path,
                                  std::string_view key, const std::vector<std::string>& choices) {
  const std::string* text = Text(parent, path, key, 1024);
  if (text == nullptr) return nullptr;
  if (std::find(choices.begin(), choices.end(), *text) != choices.end()) return text;
  Problem(Place(path, key),
          fmt::format("{}: must be one of {}", Quoted(*text), Join(choices, ", ")));
  return nullptr;
}

std::optional<long long> Checker::Number(const json::Object& parent, const std::string& path,
                                         std::string_view key, long long least) {
  const json::Value* value = parent.Find(key);
  if (value == nullptr) return std::nullopt;
  const json::Integer* integer = value->AsInteger();
  if (integer == nullptr) {
    Problem(Place(path, key), fmt::format("must be an integer, found {}", value->TypeName()));
    return std::nullopt;
  }
  const std::string& digits = integer->digits;
  int number = 0;  // the platform's integers have 32 bits
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || number < least) {
    Problem(Place(path, key), fmt::format("must be an integer from {} to 2147483647, found {}",
                                          least, ToValidUtf8(digits, kQuotedBytes)));
    return std::nullopt;
  }
  return number;
}

void Checker::EachObject(const json::Array& array, const std::string& path,
                         const std::function<void(const json::Object&, const std::string&)>& each) {
  for (size_t i = 0; i < array.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", path, i);
    if (const json::Object* object = array[i].AsObject()) {
      each(*object, place);
    } else {
      Problem(place, fmt::format("must be an object, found {}", array[i].TypeName()));
    }
  }
}

void Checker::Pairs(const json::Object& parent, std::string_view key, size_t most_pairs,
                    size_t most_key, size_t most_value) {
  const json::Object* pairs = Object(parent, "", key);
  if (pairs == nullptr) return;
  if (pairs->size() > most_pairs) {
    Problem(key, fmt::format("at most {} entries, found {}", most_pairs, pairs->size()));
  }
  for (const auto& [name, value] : *pairs) {
    const std::string place = fmt::format("{}[{}]", key, Quoted(name));
    if (CharacterCount(name) > most_key) {
      Problem(place, fmt::format("the name may have at most {} characters, found {}", most_key,
                                 CharacterCount(name)));
    }
    if (const std::string* text = value.AsString()) {
      Length(place, *text, most_value, 0);
    } else {
      Problem(place,
              fmt::format("must be a string, found {}: write it in quotes", value.TypeName()));
    }
  }
}

}  // namespace berth::platform
