#include "serving/transport/arena.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace berth::serving::transport {
namespace {

/// What free large slots may hold of memory, so that the next large body finds pages.
constexpr uint64_t kKeptWarm = uint64_t{64} << 20;

uint64_t RoundUp(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

ArenaHeader HeaderFor(const ArenaSizes& sizes) {
  ArenaHeader header{};
  std::memcpy(header.magic, kArenaMagic, sizeof header.magic);
  header.small_slots = sizes.small_slots;
  header.large_slots = sizes.large_slots;
  header.payload = RoundUp(std::max<uint64_t>(sizes.payload, 1), kLargeUnit);
  header.small_offset = kLargeUnit;
  header.large_offset = header.small_offset + uint64_t{sizes.small_slots} * kSmallSlotBytes;
  header.size =
      header.large_offset + uint64_t{sizes.large_slots} * (kLargeBody + 2 * header.payload);
  return header;
}

}  // namespace

SlotLease& SlotLease::operator=(SlotLease&& other) noexcept {
  if (this != &other) {
    Release();
    arena_ = std::exchange(other.arena_, nullptr);
    slot_ = other.slot_;
  }
  return *this;
}

void SlotLease::Release() {
  if (arena_ != nullptr) std::exchange(arena_, nullptr)->Let(slot_);
}

char* SlotLease::base() const {
  return arena_->At(slot_);
}

RequestDescriptor& SlotLease::request() const {
  return *reinterpret_cast<RequestDescriptor*>(base());
}

const ResponseDescriptor& SlotLease::response() const {
  return *reinterpret_cast<const ResponseDescriptor*>(base() + kResponseDescriptor);
}

std::span<char> SlotLease::header_blob() const {
  const size_t end = arena_->IsLarge(slot_) ? kLargeBody : kSmallBody;
  return {base() + kHeaderBlob, end - kHeaderBlob};
}

uint64_t SlotLease::body_offset() const {
  return arena_->IsLarge(slot_) ? kLargeBody : kSmallBody;
}

uint64_t SlotLease::response_offset() const {
  return arena_->IsLarge(slot_) ? kLargeBody + arena_->payload() : kSmallResponse;
}

std::span<char> SlotLease::body() const {
  return {base() + body_offset(), response_offset() - body_offset()};
}

std::span<const char> SlotLease::response_area() const {
  const uint64_t end = arena_->IsLarge(slot_) ? arena_->LargeSlotBytes() : kSmallSlotBytes;
  return {base() + response_offset(), end - response_offset()};
}

Result<std::unique_ptr<Arena>> Arena::Make(const ArenaSizes& sizes) {
  const ArenaHeader header = HeaderFor(sizes);
  Descriptor file(::memfd_create("berth-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return FailErrno("cannot make the memory that workers share");
  if (::ftruncate(file.get(), static_cast<off_t>(header.size)) != 0) {
    return FailErrno(fmt::format("cannot make {} bytes of memory that workers share", header.size));
  }
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return FailErrno("cannot seal the memory that workers share");
  }
  void* memory = ::mmap(nullptr, header.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                        file.get(), 0);
  if (memory == MAP_FAILED) {
    return FailErrno(fmt::format("cannot map {} bytes of memory that workers share", header.size));
  }
  std::memcpy(memory, &header, sizeof header);
  return std::unique_ptr<Arena>(
      new Arena(std::move(file), static_cast<char*>(memory), header, sizes.large_bytes));
}

Arena::Arena(Descriptor file, char* memory, const ArenaHeader& header, uint64_t large_bytes)
    : file_(std::move(file)),
      memory_(memory),
      header_(header),
      large_bytes_(large_bytes),
      owners_(header.small_slots + header.large_slots),
      large_sizes_(header.large_slots),
      warm_(header.large_slots) {
  for (uint32_t i = header.small_slots; i-- > 0;) free_small_.push_back(i);
  for (uint32_t i = header.large_slots; i-- > 0;) free_large_.push_back(header.small_slots + i);
}

Arena::~Arena() {
  ::munmap(memory_, header_.size);
}

char* Arena::At(uint32_t slot) const {
  if (!IsLarge(slot)) return memory_ + header_.small_offset + uint64_t{slot} * kSmallSlotBytes;
  return memory_ + header_.large_offset + (slot - header_.small_slots) * LargeSlotBytes();
}

std::optional<SlotLease> Arena::TakeSmall() {
  if (free_small_.empty()) return std::nullopt;
  const uint32_t slot = free_small_.back();
  free_small_.pop_back();
  owners_[slot] = 1;
  ++taken_;
  std::memset(At(slot), 0, kResponseDescriptor + sizeof(ResponseDescriptor));
  return SlotLease(this, slot);
}

bool Arena::HasLarge(uint64_t bytes) const {
  return !free_large_.empty() && bytes <= header_.payload &&
         (large_in_use_ == 0 || large_in_use_ + bytes <= large_bytes_);
}

std::optional<SlotLease> Arena::TakeLarge(uint64_t bytes) {
  if (!HasLarge(bytes)) return std::nullopt;
  const uint32_t slot = free_large_.back();
  free_large_.pop_back();
  owners_[slot] = 1;
  ++taken_;
  const size_t index = slot - header_.small_slots;
  large_sizes_[index] = bytes;
  large_in_use_ += bytes;
  warm_total_ -= warm_[index];
  std::memset(At(slot), 0, kResponseDescriptor + sizeof(ResponseDescriptor));
  return SlotLease(this, slot);
}

void Arena::Hold(uint32_t slot) {
  assert(slot < owners_.size() && owners_[slot] > 0);
  ++owners_[slot];
}

void Arena::Drop(uint32_t slot) {
  Let(slot);
}

void Arena::Let(uint32_t slot) {
  assert(slot < owners_.size() && owners_[slot] > 0);
  if (--owners_[slot] > 0) return;
  --taken_;
  if (!IsLarge(slot)) {
    free_small_.push_back(slot);
    return;
  }
  const size_t index = slot - header_.small_slots;
  large_in_use_ -= large_sizes_[index];
  // What the worker wrote is its own affair: it may have touched all of it.
  const auto& written =
      *reinterpret_cast<const ResponseDescriptor*>(At(slot) + kResponseDescriptor);
  const uint64_t answer = std::min<uint64_t>(written.body_length, header_.payload);
  warm_[index] = std::max(warm_[index], large_sizes_[index] + answer);
  if (warm_total_ + warm_[index] > kKeptWarm) {
    ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                static_cast<off_t>(At(slot) - memory_), static_cast<off_t>(LargeSlotBytes()));
    warm_[index] = 0;
  }
  warm_total_ += warm_[index];
  free_large_.push_back(slot);
}

}  // namespace berth::serving::transport
