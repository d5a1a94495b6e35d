// Any text either is left to Python or becomes an array, which is written so that it reads back
// as the same array.
#include <cstring>

#include "codec/json_decode.h"
#include "codec/json_encode.h"
#include "codec_fuzz.h"

using namespace berth::codec;

namespace {

/// NumPy has uint64 for [true, 2**63], and float64 for [1, 2**63], which it is written as.
bool IsUnsignedOnlyForBools(const Array& array) {
  if (array.info.dtype != DType::kUInt64) return false;
  for (size_t at = 0; at < array.bytes.size(); at += sizeof(uint64_t)) {
    uint64_t element = 0;
    std::memcpy(&element, array.bytes.data() + at, sizeof element);
    if (element < uint64_t{1} << 63) return true;
  }
  return false;
}

template <typename Encode, typename Decode>
void RoundTrip(const Array& array, Encode encode, Decode decode) {
  std::string written;
  Require(encode(array.view(), written).has_value());
  const auto again = Decoded(decode, written);
  if (IsUnsignedOnlyForBools(array)) {
    Require(again && again->info.dtype == DType::kFloat64 && again->info.shape == array.info.shape);
  } else {
    Require(again == array);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto array = Decoded(DecodeJson, text)) RoundTrip(*array, EncodeJson, DecodeJson);
  if (const auto rows = Decoded(DecodeJsonLines, text)) {
    RoundTrip(*rows, EncodeJsonLines, DecodeJsonLines);
  }
  return 0;
}
