// Errors of the core as Python's exceptions: the one place where they meet.
#pragma once

#include <stdexcept>
#include <utility>

#include "core/error.h"

namespace berth::python {

/// berth._core.NotNativeError: a codec leaves the input to NumPy or json (codec/tensor.h).
class NotNativeError : public std::runtime_error {
  using runtime_error::runtime_error;
};

/// Throws what becomes the exception for `error`: NotNativeError for ENOTSUP; MemoryError for what
/// found no room; OSError with its number for what the system refused (a file that is missing);
/// ValueError, with the error's text, for the rest. Where Python has an exception already (NumPy
/// could not make an array), that one. The GIL must be held.
[[noreturn]] void Throw(const Error& error);

/// The value, or Throw().
template <typename T>
T Unwrap(Result<T> result) {
  if (!result) Throw(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace berth::python
