// A user's regular expression that catches a number in lines of a log.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace berth::ranks {

/// RE2: linear in the line, bounded in memory.
std::unique_ptr<RE2> CompileRegex(const std::string& regex);

/// What is wrong with it, to stand behind the expression in a sentence: "is not a regular
/// expression: …", "has no group …". Empty where nothing is.
std::string RegexFault(const std::string& regex);

/// As Python's float() reads it, less underscores: also "nan", "inf", "+1"; nothing where it is
/// none.
std::optional<double> ParseNumber(std::string_view text);

}  // namespace berth::ranks
