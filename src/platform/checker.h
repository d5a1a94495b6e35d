// Small checks on a JSON document that note a problem with its place and go on.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace berth::platform {

/// Characters, not bytes: the platform's limits count those.
size_t CharacterCount(std::string_view utf8);

/// Walks a document. Each function takes the place of what it looks at ("Environment", or
/// "InputDataConfig[0].ChannelName"); a member that is missing is fine unless it says `Required`.
class Checker {
 public:
  void Problem(std::string_view place, std::string_view what);
  void Warning(std::string_view place, std::string_view what);

  /// The member if it is there and of that type; notes a problem where it is of another.
  const json::Object* Object(const json::Object& parent, const std::string& path,
                             std::string_view key);
  const json::Array* Array(const json::Object& parent, const std::string& path,
                           std::string_view key, size_t most, size_t least = 0);
  /// `most` in characters.
  const std::string* Text(const json::Object& parent, const std::string& path, std::string_view key,
                          size_t most, size_t least = 0);
  const std::string* RequiredText(const json::Object& parent, const std::string& path,
                                  std::string_view key, size_t most);
  const std::string* OneOf(const json::Object& parent, const std::string& path,
                           std::string_view key, const std::vector<std::string>& choices);
  std::optional<long long> Number(const json::Object& parent, const std::string& path,
                                  std::string_view key, long long least);
  /// Calls `each` with every element that is an object, and its place.
  void EachObject(const json::Array& array, const std::string& path,
                  const std::function<void(const json::Object&, const std::string&)>& each);
  /// An object of strings, as HyperParameters and Environment are.
  void Pairs(const json::Object& parent, std::string_view key, size_t most_pairs, size_t most_key,
             size_t most_value);

  std::vector<std::string> problems;
  std::vector<std::string> warnings;

 private:
  bool Length(const std::string& place, std::string_view text, size_t most, size_t least);
};

/// "a.b" of "a" and "b"; "b" where there is no "a".
std::string Place(const std::string& path, std::string_view key);

}  // namespace berth::platform
