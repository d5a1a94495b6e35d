// Where things stand in the memory that server and workers share. The Python side is
// python/berth_worker/layout.py; docs/how-bytes-cross.md tells the protocol. All integers are
// little endian. Nothing that a worker writes is trusted: Slot (arena.h) checks it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace berth::serving::transport {

inline constexpr char kArenaMagic[8] = {'B', 'E', 'R', 'T', 'H', 'A', 'R', '1'};
inline constexpr size_t kArenaHeaderBytes = 4096;

struct ArenaHeader {
  char magic[8];
  uint32_t small_slots;
  uint32_t large_slots;
  uint64_t small_offset;
  uint64_t large_offset;
  uint64_t payload;  ///< P: the largest body, rounded up to kLargeUnit
  uint64_t size;     ///< of the whole arena
};
static_assert(sizeof(ArenaHeader) == 48);

inline constexpr size_t kDescriptorBytes = 1024;
inline constexpr size_t kHeaderBlob = kDescriptorBytes;

inline constexpr size_t kSmallSlotBytes = size_t{64} << 10;
inline constexpr size_t kSmallBody = size_t{8} << 10;
inline constexpr size_t kSmallResponse = size_t{32} << 10;

/// A large slot: descriptors and header blob, then P bytes for the body, then P for the response.
inline constexpr size_t kLargeUnit = size_t{64} << 10;
inline constexpr size_t kLargeBody = kLargeUnit;

inline constexpr size_t kMaxDimensions = 8;
inline constexpr size_t kMaxRequestId = 127;
inline constexpr size_t kMaxFreed = 8;

enum class RequestKind : uint32_t { kBytes = 0, kTensor = 1 };

/// At the beginning of a slot; written by the server.
struct RequestDescriptor {
  uint32_t kind;
  uint32_t cancelled;    ///< 1: the client has gone
  uint64_t body_offset;  ///< in the slot
  uint64_t body_length;
  int64_t deadline;         ///< CLOCK_MONOTONIC, ns
  uint32_t headers_length;  ///< of the blob at kHeaderBlob
  uint8_t dtype;            ///< codec::DType
  uint8_t dimensions;
  uint8_t fortran;  ///< 1: the first index varies fastest
  uint8_t id_length;
  int64_t shape[kMaxDimensions];
  uint8_t reserved[24];
  char id[kMaxRequestId + 1];
};
static_assert(sizeof(RequestDescriptor) == 256);
static_assert(offsetof(RequestDescriptor, shape) == 40);
static_assert(offsetof(RequestDescriptor, id) == 128);

enum class ResponseKind : uint32_t { kNone = 0, kBytes = 1, kTensor = 2, kFile = 3, kDropped = 4 };
enum class Encoding : uint8_t { kJson = 1, kCsv = 2, kNpy = 3 };

inline constexpr size_t kResponseDescriptor = 256;

/// 256 bytes into a slot; written by the worker.
struct ResponseDescriptor {
  uint32_t kind;
  uint32_t status;
  uint64_t body_offset;  ///< in the slot's response area
  uint64_t body_length;
  uint8_t dtype;
  uint8_t dimensions;
  uint8_t fortran;
  uint8_t encoding;
  uint32_t headers_length;
  uint64_t headers_offset;  ///< in the slot's response area
  int64_t shape[kMaxDimensions];
  int64_t begun;  ///< CLOCK_MONOTONIC, ns; 0: does not apply
  int64_t decoded;
  int64_t predicted;
  int64_t ended;
  uint32_t flags;
  uint32_t freed_count;
  uint32_t freed[kMaxFreed];
};
static_assert(offsetof(ResponseDescriptor, shape) == 40);
static_assert(offsetof(ResponseDescriptor, begun) == 104);
static_assert(offsetof(ResponseDescriptor, freed) == 144);
static_assert(kResponseDescriptor + sizeof(ResponseDescriptor) <= kDescriptorBytes);

/// flags: the handler kept a view of the body; the slot is not free before `freed` says so.
inline constexpr uint32_t kKept = 1;
/// So many slots a worker may keep at once; beyond that it gives its handler copies.
inline constexpr size_t kMaxKept = 4;

/// The ring of one worker: slot numbers. A number of its own asks for a sign of life.
inline constexpr size_t kRingEntries = 64;
inline constexpr uint32_t kHeartbeat = 0xFFFFFFFF;

}  // namespace berth::serving::transport
