// Errors of untrusted input and of the surroundings, as values.
//
// A function that can fail for such a reason returns Result<T>. Its Error is one
// sentence for people: what failed, on which object, why, what to do next. Broken
// invariants of our own assert instead; a child that exits with 1 is data, not an Error.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace berth {

class [[nodiscard]] Error {
 public:
  explicit Error(std::string message, int system_error = 0)
      : message_(std::move(message)), system_error_(system_error) {}

  /// "<what>: <strerror(system_error)>". `what` names the operation and its object:
  /// `cannot open "/opt/ml/x"`.
  static Error System(int system_error, std::string_view what);

  /// The same error seen from one level up: "<what>: <message>".
  Error Within(std::string_view what) const;

  const std::string& message() const { return message_; }

  /// The errno behind it, 0 where there was none.
  int system_error() const { return system_error_; }

 private:
  std::string message_;
  int system_error_;
};

template <typename T>
using Result = std::expected<T, Error>;

/// What a Result-returning function returns to fail.
inline std::unexpected<Error> Fail(std::string message, int system_error = 0) {
  return std::unexpected(Error(std::move(message), system_error));
}
inline std::unexpected<Error> Fail(Error error) {
  return std::unexpected(std::move(error));
}

/// Fail(Error::System(errno, what)).
std::unexpected<Error> FailErrno(std::string_view what);

#define BERTH_CONCAT_(a, b) a##b
#define BERTH_CONCAT(a, b) BERTH_CONCAT_(a, b)

/// Returns from the calling function with the error of `expression`, if it has one.
#define BERTH_TRY(expression)                                  \
  do {                                                         \
    if (auto berth_result = (expression); !berth_result)       \
      return std::unexpected(std::move(berth_result).error()); \
  } while (false)

/// BERTH_ASSIGN(auto x, F()): x is F()'s value, or the calling function returns F()'s error.
#define BERTH_ASSIGN(target, expression) \
  BERTH_ASSIGN_(target, expression, BERTH_CONCAT(berth_result_, __LINE__))
#define BERTH_ASSIGN_(target, expression, name)               \
  auto name = (expression);                                   \
  if (!name) return std::unexpected(std::move(name).error()); \
  target = std::move(*name)

}  // namespace berth
