// Many numbered pieces of one job, several at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "storage/failure.h"

namespace berth::storage {

/// Calls piece(0) … piece(count - 1), begun in this order, at most `at_once` at the same time, on
/// the calling thread and new ones. The first failure stops the beginning of further ones and is
/// returned when all that were begun have ended.
std::optional<Failure> RunPieces(size_t count, size_t at_once,
                                 const std::function<std::optional<Failure>(size_t)>& piece);

}  // namespace berth::storage
