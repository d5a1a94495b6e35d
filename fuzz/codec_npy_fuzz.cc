// Any bytes either are no plain array or one inside of them; its header reads back as the same.
#include "codec/npy.h"
#include "codec_fuzz.h"

using namespace berth::codec;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)DecodeNpyText(bytes);
  const auto view = DecodeNpy(bytes);
  if (!view) {
    Require(view.error().system_error() == ENOTSUP || view.error().system_error() == EPERM);
    return 0;
  }
  const auto length = BytesOf(view->info);
  Require(length && view->data >= bytes.data() && view->data + *length <= bytes.data() + size);
  const std::string header = EncodeNpyHeader(view->info);
  const auto again = DecodeNpyHeader(header);
  Require(again && again->offset == header.size() && again->offset % 64 == 0);
  TensorInfo expected = view->info;
  expected.fortran = again->info.fortran;  // arrays in both orders are said to be in C's
  Require(again->info == expected);
  return 0;
}
