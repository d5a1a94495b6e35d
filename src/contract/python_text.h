// What Python prints: str(), repr() and str.upper(). Texts are WTF-8 (core/wtf8.h).
#pragma once

#include <string>
#include <string_view>

#include "core/json.h"

namespace berth::contract {

/// str(value) of what json.loads() gave: a string is itself; else its repr.
std::string PythonStr(const json::Value& value);

/// repr(value): "[1, 2, {'b': None}]", "True", "1e-07", "'it\\'s'".
std::string PythonRepr(const json::Value& value);

/// str.upper(), the full mapping of Unicode: "straße" is "STRASSE".
std::string PythonUpper(std::string_view text);

/// bool(value): False for null, false, 0, "", [] and {}.
bool PythonBool(const json::Value& value);

/// os.path.join(folder, name): an absolute name stands alone, an empty one leaves a trailing '/'.
std::string PythonJoin(std::string_view folder, std::string_view name);

}  // namespace berth::contract
