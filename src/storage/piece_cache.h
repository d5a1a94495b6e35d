// Pieces of many objects, fetched when they are asked for or expected to be, kept while there is
// room.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/error.h"

namespace berth::storage {

/// Which piece of which object; what the numbers mean is the fetching function's business.
struct PieceKey {
  uint32_t object = 0;
  uint32_t piece = 0;
  bool operator==(const PieceKey&) const = default;
};

struct PieceKeyHash {
  size_t operator()(const PieceKey& key) const {
    return std::hash<uint64_t>()(uint64_t{key.object} << 32 | key.piece);
  }
};

struct Piece {
  std::unique_ptr<char[]> data;
  size_t size = 0;
};
using PiecePtr = std::shared_ptr<const Piece>;

/// From any thread. Nobody waits in a function of it: whoever asks is called back.
class PieceCache {
 public:
  struct Options {
    /// Bytes held, in pieces that are there and on their way. What somebody still uses after it
    /// left the cache comes on top.
    uint64_t memory = 0;
    /// Pieces on their way at once. Two of them are kept for pieces that somebody waits for.
    size_t fetchers = 8;
    /// Whoever asks so soon after a failure gets the same one: the kernel asks again at once for
    /// what its read-ahead did not get, and each try may have taken all its time.
    std::chrono::milliseconds failure_kept{0};
  };
  /// Fills the buffer, blocking. From several threads at once.
  using Fetch = std::function<Result<void>(PieceKey, std::span<char>)>;
  /// Called once, with the piece or with the fetch's error, on the asking or a fetching thread.
  using Then = std::function<void(const Result<PiecePtr>&)>;

  [[nodiscard]] static Result<std::unique_ptr<PieceCache>> Start(Options options, Fetch fetch);

  /// Calls back whoever waits, with ECANCELED, and joins the threads: fetches under way must be
  /// made to end by their owner.
  ~PieceCache();

  /// A piece of `size` bytes. A fetch that failed is tried again by a later Get().
  void Get(PieceKey key, size_t size, Then then);

  /// Get() that nobody waits for. Dropped where more is expected than half of the memory holds.
  void Expect(PieceKey key, size_t size);

 private:
  struct Entry {
    size_t size = 0;
    bool fetching = false;
    bool waited_for = false;  // queued in wanted_
    PiecePtr piece{};         // set: it is there
    std::optional<Error> failure{};
    std::chrono::steady_clock::time_point failed{};
    std::vector<Then> waiting{};
    std::list<PieceKey>::iterator age{};  // of one that is there or failed
  };

  PieceCache(Options options, Fetch fetch);
  void Work();
  static bool IsWanting(const Entry& entry);
  bool Next(PieceKey& key, bool& expected);  // under mutex_
  void MakeRoom(uint64_t bytes);             // under mutex_
  void Drop(PieceKey key);                   // under mutex_
  void Settle(PieceKey key, Result<PiecePtr> result);

  const Options options_;
  const Fetch fetch_;
  std::mutex mutex_;  // guards all that follows but threads_
  std::condition_variable changed_;
  std::unordered_map<PieceKey, Entry, PieceKeyHash> entries_;
  std::deque<PieceKey> wanted_;
  struct Expected {
    PieceKey key{};
    size_t size = 0;
  };
  std::deque<Expected> expected_;
  std::list<PieceKey> ages_;  // of what is there or failed, the longest unused first
  uint64_t held_ = 0;
  uint64_t expecting_ = 0;  // bytes of expected_
  size_t fetching_expected_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace berth::storage
