// Which part of a channel a host gets in an epoch, and in which order. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace berth::platform {

struct Share {
  size_t host = 0;  // of
  size_t hosts = 1;
};

/// Indices into the `count` objects (or lines) of a channel, in the order of their delivery.
///
/// With a seed all of them are shuffled first, in each epoch anew: the same seed and epoch give the
/// same order, on every machine. Then each host of a ShardedByS3Key channel takes every hosts-th,
/// so that shares differ by one at most. (With a seed, a host's share changes from epoch to epoch,
/// as on the platform.)
std::vector<size_t> OrderOf(size_t count, std::optional<uint64_t> seed, uint64_t epoch,
                            const Share& share = {});

}  // namespace berth::platform
