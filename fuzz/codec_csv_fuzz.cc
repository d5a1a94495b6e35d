// Any text either is left to NumPy or becomes an array; written and read again it is the same.
#include "codec/csv_decode.h"
#include "codec/csv_encode.h"
#include "codec_fuzz.h"

using namespace berth::codec;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto decode : {DecodeCsv, DecodeCsvAsFloats}) {
    const auto array = Decoded(decode, text);
    if (!array || array->info.dimensions == 0) continue;
    std::string written;
    Require(EncodeCsv(array->view(), berth::NumPyText::kUntil22, written).has_value());
    Require(Decoded(decode, written) == array);
  }
  return 0;
}
