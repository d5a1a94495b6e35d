// Any bytes either are no archive of arrays, or members inside of the limits.
#include "codec/npy.h"
#include "codec/npz.h"
#include "codec_fuzz.h"

using namespace berth::codec;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const NpzLimits limits{.members = 4, .bytes = 1 << 20};
  const auto members = DecodeNpz(bytes, limits);
  if (!members) {
    Require(members.error().system_error() == ENOTSUP || members.error().system_error() == E2BIG);
    return 0;
  }
  uint64_t total = 0;
  for (const NpzMember& each : *members) {
    total += each.npy().size();
    (void)DecodeNpy(each.npy());
    (void)DecodeNpyText(each.npy());
  }
  Require(members->size() <= limits.members && total <= limits.bytes);
  if (const auto matrix = SparseMatrixOf(*members)) {
    Require(BytesOf(matrix->data.info).has_value() && BytesOf(matrix->shape.info).has_value());
  }
  return 0;
}
