// Hyperparameters as texts, for the room's own use: ToArguments() and ToVariables() share them.
#pragma once

#include <string>
#include <vector>

#include "contract/training_environment.h"
#include "core/json.h"

namespace berth::contract {

/// The classic arguments as WTF-8.
std::vector<std::string> ArgumentTexts(const json::Object& hyperparameters);

/// A value in the version-3 contract: a string is itself, anything else json.dumps() of it.
std::string TextV3(const json::Value& value);

}  // namespace berth::contract
