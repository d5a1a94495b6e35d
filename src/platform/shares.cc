#include "platform/shares.h"

#include <numeric>
#include <random>
#include <utility>

namespace berth::platform {
namespace {

/// A number below `end`, evenly. std::uniform_int_distribution differs between libraries.
uint64_t Below(uint64_t end, std::mt19937_64& random) {
  const uint64_t fair = UINT64_MAX - UINT64_MAX % end;
  for (;;) {
    const uint64_t number = random();
    if (number < fair) return number % end;
  }
}

}  // namespace

std::vector<size_t> OrderOf(size_t count, std::optional<uint64_t> seed, uint64_t epoch,
                            const Share& share) {
  std::vector<size_t> all(count);
  std::iota(all.begin(), all.end(), size_t{0});
  if (seed) {
    std::seed_seq mixed{static_cast<uint32_t>(*seed), static_cast<uint32_t>(*seed >> 32),
                        static_cast<uint32_t>(epoch), static_cast<uint32_t>(epoch >> 32)};
    std::mt19937_64 random(mixed);
    for (size_t left = count; left > 1; --left) {
      std::swap(all[left - 1], all[Below(left, random)]);
    }
  }
  if (share.hosts <= 1) return all;
  std::vector<size_t> ours;
  for (size_t i = share.host; i < count; i += share.hosts) ours.push_back(all[i]);
  return ours;
}

}  // namespace berth::platform
