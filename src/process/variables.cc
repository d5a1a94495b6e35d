#include <unistd.h>

#include <string_view>

#include "process/supervisor.h"

namespace berth::process {

Variables CurrentVariables() {
  Variables variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    // A name may begin with '=' in theory; what has no '=' is not a variable. Of a repeated name
    // the first counts, as for getenv().
    const size_t equals = text.find('=', 1);
    if (equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace berth::process
