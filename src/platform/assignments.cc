#include "platform/assignments.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"

namespace berth::platform {

std::vector<Assignment> ParseAssignments(std::string_view flag, std::string_view shape,
                                         const std::vector<std::string>& texts,
                                         std::vector<std::string>& problems) {
  std::vector<Assignment> assignments;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      problems.push_back(fmt::format("{} {}: expected {}", flag, Quoted(text), shape));
      continue;
    }
    Assignment next{text.substr(0, equals), text.substr(equals + 1)};
    if (std::ranges::find(assignments, next.name, &Assignment::name) != assignments.end()) {
      problems.push_back(fmt::format("{} {}: {} was given already", flag, Quoted(text), next.name));
    }
    assignments.push_back(std::move(next));
  }
  return assignments;
}

}  // namespace berth::platform
