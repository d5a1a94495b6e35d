#include "storage/pieces.h"

#include <algorithm>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "core/log.h"
#include "storage/runtime.h"

namespace berth::storage {

std::optional<Failure> RunPieces(size_t count, size_t at_once,
                                 const std::function<std::optional<Failure>(size_t)>& piece) {
  std::mutex mutex;
  size_t next = 0;
  std::optional<Failure> failure;
  const auto work = [&] {
    for (;;) {
      size_t mine = 0;
      {
        const std::lock_guard lock(mutex);
        if (failure || next >= count) return;
        mine = next++;
      }
      if (auto failed = piece(mine)) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::move(failed);
      }
    }
  };
  std::vector<std::thread> helpers;
  try {
    const SignalsBlocked blocked;
    for (size_t i = 1; i < std::min(count, at_once); ++i) helpers.emplace_back(work);
  } catch (const std::system_error& error) {
    log::Debug("storage", "fewer threads than wanted, slower so: {}", error.what());
  }
  work();
  for (std::thread& helper : helpers) helper.join();
  return failure;
}

}  // namespace berth::storage
