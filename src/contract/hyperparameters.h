// hyperparameters.json: decoded, and parted into the user's, the framework's and the reserved.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "contract/config_file.h"
#include "core/error.h"
#include "core/json.h"

namespace berth::contract {

/// A hyperparameter as scripts see it: a string that is JSON becomes that value, any other string
/// stays, and so does what is no string.
json::Value DecodeHyperparameter(const json::Value& value);

struct Hyperparameters {
  json::Object user;
  /// Prefix "sagemaker_", not reserved.
  json::Object framework;
  json::Object reserved;
};

/// Decodes all of `file`. Fails where a name or value of the user's could not be handed to a
/// process.
[[nodiscard]] Result<Hyperparameters> ReadHyperparameters(const ConfigFile& file);

/// str() of a reserved one; nothing where it is missing or null.
[[nodiscard]] Result<std::optional<std::string>> ReservedText(const Hyperparameters& all,
                                                              std::string_view name,
                                                              const std::string& path);

/// "hyperparameter \"lr\"", for errors.
std::string PlaceOfHyperparameter(std::string_view name);

/// What stands behind the name of a user's hyperparameter among the classic arguments, as WTF-8.
std::string ArgumentText(const json::Value& value);

}  // namespace berth::contract
