#include "core/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace berth {

Error Error::System(int system_error, std::string_view what) {
  return Error(fmt::format("{}: {}", what, std::generic_category().message(system_error)),
               system_error);
}

Error Error::Within(std::string_view what) const {
  return Error(fmt::format("{}: {}", what, message_), system_error_);
}

std::unexpected<Error> FailErrno(std::string_view what) {
  return std::unexpected(Error::System(errno, what));
}

}  // namespace berth
