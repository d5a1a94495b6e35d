// A configuration file's JSON, taken apart with errors that name file, place, expected and found.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/json.h"

namespace berth::contract {

/// A configuration file as it was found.
struct ConfigFile {
  std::string path;
  /// Its bytes, or why there are none.
  Result<std::string> bytes;
};

/// The file's JSON object. `content` says what should be in it ("the job's hyperparameters").
[[nodiscard]] Result<json::Object> ReadObject(const ConfigFile& file, std::string_view content);

/// What is wrong at one place of a file: `cannot use "<path>": <place>: expected …, found …`.
std::unexpected<Error> FailAt(const std::string& path, std::string_view place,
                              std::string_view expected, std::string_view found);

/// A name out of a file in quotes, as JSON writes it, shortened: for errors.
std::string QuotedName(std::string_view name);

/// Reads typed members of one object inside a file. References must outlive it.
class Members {
 public:
  /// `place` is where the object is: "" for the whole file, "instance_groups[0]".
  Members(const json::Object& object, const std::string& path, std::string place = "")
      : object_(object), path_(path), place_(std::move(place)) {}

  /// Fails where the member is missing or no string.
  [[nodiscard]] Result<std::string> String(std::string_view key) const;
  /// The default where it is missing; fails where it is no string.
  [[nodiscard]] Result<std::string> String(std::string_view key, std::string_view absent) const;
  [[nodiscard]] Result<std::vector<std::string>> Strings(std::string_view key) const;
  /// Nullptr where it is missing; fails where it is no array.
  [[nodiscard]] Result<const json::Array*> OptionalArray(std::string_view key) const;

  std::string PlaceOf(std::string_view key) const;

 private:
  const json::Object& object_;
  const std::string& path_;
  std::string place_;
};

/// The texts of an array, for a member named by `place`.
[[nodiscard]] Result<std::vector<std::string>> Strings(const json::Value& value,
                                                       const std::string& path,
                                                       const std::string& place);

/// Fails where `text` cannot be a variable's or an argument's value: it holds a NUL, or a lone
/// surrogate that stands for no byte (all but U+DC80–U+DCFF). `place` names it in the error.
[[nodiscard]] Result<void> CheckPassable(std::string_view text, const std::string& path,
                                         std::string_view place);

}  // namespace berth::contract
