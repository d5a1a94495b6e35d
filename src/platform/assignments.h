// NAME=VALUE, as options of the command line give it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace berth::platform {

struct Assignment {
  std::string name;
  std::string value;
};

/// Takes the good ones of `texts`, the values of the option `flag`, apart at their first '='; notes
/// what is wrong with the others, names given twice among them. `shape` is what was expected.
std::vector<Assignment> ParseAssignments(std::string_view flag, std::string_view shape,
                                         const std::vector<std::string>& texts,
                                         std::vector<std::string>& problems);

}  // namespace berth::platform
