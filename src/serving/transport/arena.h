// The memory that the server shares with its workers: slots, each for one request and its answer.
//
// One sealed memfd, sparse: only what was touched is memory. Event loop's thread; a slot's bytes
// may be used by one codec thread meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"
#include "serving/transport/layout.h"

namespace berth::serving::transport {

struct ArenaSizes {
  uint32_t small_slots = 0;
  uint32_t large_slots = 0;
  /// The largest body.
  uint64_t payload = 0;
  /// Bytes that the bodies in large slots may have together.
  uint64_t large_bytes = 0;
};

class Arena;

/// A slot that is taken. It is free again when the last of its owners lets go: this, and the
/// worker that keeps a view of it (Arena::Hold).
class SlotLease {
 public:
  SlotLease() = default;
  SlotLease(Arena* arena, uint32_t slot) : arena_(arena), slot_(slot) {}
  SlotLease(SlotLease&& other) noexcept
      : arena_(std::exchange(other.arena_, nullptr)), slot_(other.slot_) {}
  SlotLease& operator=(SlotLease&& other) noexcept;
  SlotLease(const SlotLease&) = delete;
  SlotLease& operator=(const SlotLease&) = delete;
  ~SlotLease() { Release(); }

  explicit operator bool() const { return arena_ != nullptr; }
  uint32_t number() const { return slot_; }

  RequestDescriptor& request() const;
  /// As the worker left it: whoever reads it copies first and checks then (answer.h).
  const ResponseDescriptor& response() const;
  /// NUL-terminated strings go here.
  std::span<char> header_blob() const;
  std::span<char> body() const;
  std::span<const char> response_area() const;
  /// Where body() begins, in the slot.
  uint64_t body_offset() const;
  uint64_t response_offset() const;

 private:
  friend class Arena;
  void Release();
  char* base() const;

  Arena* arena_ = nullptr;
  uint32_t slot_ = 0;
};

class Arena {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Arena>> Make(const ArenaSizes& sizes);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// For workers to inherit. Sealed: nobody can make it shorter under our hands.
  int descriptor() const { return file_.get(); }
  uint64_t size() const { return header_.size; }
  uint64_t payload() const { return header_.payload; }

  /// A slot whose response descriptor is empty; nothing where all are taken. Small ones hold
  /// bodies up to small_body().
  std::optional<SlotLease> TakeSmall();
  /// For a body of `bytes`; nothing, too, where there would be more than ArenaSizes::large_bytes.
  std::optional<SlotLease> TakeLarge(uint64_t bytes);
  /// Whether TakeLarge(bytes) would give one.
  bool HasLarge(uint64_t bytes) const;

  static constexpr size_t small_body() { return kSmallResponse - kSmallBody; }

  /// A worker's view keeps the slot; undone by Drop(). The caller knows which are held.
  void Hold(uint32_t slot);
  void Drop(uint32_t slot);

  /// Slots that are neither free nor only just taken: for metrics and tests.
  size_t taken() const { return taken_; }

 private:
  friend class SlotLease;
  Arena(Descriptor file, char* memory, const ArenaHeader& header, uint64_t large_bytes);
  void Let(uint32_t slot);
  char* At(uint32_t slot) const;
  bool IsLarge(uint32_t slot) const { return slot >= header_.small_slots; }
  uint64_t LargeSlotBytes() const { return kLargeBody + 2 * header_.payload; }

  const Descriptor file_;
  char* const memory_;
  const ArenaHeader header_;
  const uint64_t large_bytes_;
  uint64_t large_in_use_ = 0;
  size_t taken_ = 0;
  std::vector<uint32_t> free_small_;  // the last one let go is taken first: it is in the caches
  std::vector<uint32_t> free_large_;
  std::vector<uint8_t> owners_;
  std::vector<uint64_t> large_sizes_;  // of bodies, by number less small_slots
  std::vector<uint64_t> warm_;         // bytes that may be memory, the same
  uint64_t warm_total_ = 0;            // of free slots
};

}  // namespace berth::serving::transport
