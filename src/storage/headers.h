// Header fields of HTTP.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace berth::storage {

/// Names in lower case.
using Headers = std::map<std::string, std::string, std::less<>>;

}  // namespace berth::storage
