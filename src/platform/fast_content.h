// The content of FastFile channels: fetched where it is read, and a little ahead of that.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "platform/data_store.h"
#include "storage/cancellation.h"
#include "storage/piece_cache.h"
#include "storage/read_ahead.h"

namespace berth::platform {

/// Files are named by their number in the list it was given.
class FastContent {
 public:
  /// Objects are fetched in pieces of this: large enough that a request's round trip does not
  /// count for much, small enough that a random read does not bring much that nobody wants.
  static constexpr uint64_t kPiece = uint64_t{1} << 20;
  /// Memory for pieces, in all channels together.
  static constexpr uint64_t kMemory = uint64_t{32} << 20;
  /// Pieces ahead of one sequential reader; less where many share the memory.
  static constexpr size_t kAhead = 8;

  /// `store` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<FastContent>> Start(DataStore& store,
                                                                  std::vector<Item> files);

  const Item& file(uint32_t number) const { return files_[number]; }
  uint64_t bytes() const { return bytes_; }
  size_t size() const { return files_.size(); }

  /// A file that somebody has open. One thread at a time.
  class Opened {
   public:
    Opened(FastContent& content, uint32_t file) : content_(content), file_(file) {}
    ~Opened();
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;

   private:
    friend class FastContent;
    FastContent& content_;
    const uint32_t file_;
    storage::ReadAhead ahead_{};
    bool streaming_ = false;
  };

  /// Calls back once, on the asking thread or another, with the bytes or an error, which the log
  /// has already. The range is not empty and within the file.
  using Then = std::function<void(const Result<std::span<const char>>&)>;
  void Read(Opened& opened, uint64_t offset, size_t size, Then then);

  /// What was fetched so far, for people.
  std::string Report() const;

 private:
  FastContent(DataStore& store, std::vector<Item> files);
  Result<void> Fetch(storage::PieceKey key, std::span<char> buffer);
  void Complain(uint32_t file, const Error& error);
  size_t PieceSize(storage::PieceKey key) const;

  DataStore& store_;
  const std::vector<Item> files_;
  uint64_t bytes_ = 0;
  std::atomic<size_t> streams_ = 0;
  mutable std::mutex mutex_;  // guards the next five
  std::vector<bool> touched_;
  size_t touched_count_ = 0;
  uint64_t fetched_ = 0;
  uint64_t requests_ = 0;
  size_t complaints_ = 0;
  std::unique_ptr<storage::PieceCache> cache_;  // its threads use all of the above
};

}  // namespace berth::platform
