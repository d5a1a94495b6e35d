// What a worker left in a slot, checked.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "codec/tensor.h"
#include "core/error.h"
#include "serving/transport/arena.h"
#include "serving/transport/layout.h"

namespace berth::serving::transport {

struct Answer {
  ResponseKind kind = ResponseKind::kNone;
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  /// In the slot; empty for kFile and kDropped.
  std::span<const char> body;
  /// kTensor: what `body` holds, and the text it shall become.
  codec::TensorInfo tensor;
  Encoding encoding = Encoding::kJson;
  /// kFile: bytes of the file that comes over the control socket.
  uint64_t file_bytes = 0;
  int64_t begun = 0;  // CLOCK_MONOTONIC, ns; 0: does not apply
  int64_t decoded = 0;
  int64_t predicted = 0;
  int64_t ended = 0;
  bool kept = false;
  std::vector<uint32_t> freed;
};

/// Reads the slot's response descriptor once and checks every number in it. A worker that breaks
/// the protocol (the handler's native code wrote where it should not) gets an Error that says how.
[[nodiscard]] Result<Answer> ReadAnswer(const SlotLease& slot);

/// The same of any bytes: `descriptor` is the worker's, `area` its slot's response area, which
/// begins `area_offset` bytes into the slot.
[[nodiscard]] Result<Answer> CheckAnswer(const ResponseDescriptor& descriptor,
                                         std::span<const char> area, uint64_t area_offset);

}  // namespace berth::serving::transport
