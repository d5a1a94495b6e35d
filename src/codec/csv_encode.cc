#include "codec/csv_encode.h"

#include "codec/elements.h"
#include "codec/text_buffer.h"

namespace berth::codec {
namespace {

template <typename T>
char* WriteElement(char* to, const char* at, [[maybe_unused]] NumPyText style) {
  if constexpr (std::is_same_v<T, bool>) {
    const std::string_view word = *at != 0 ? "True" : "False";
    std::memcpy(to, word.data(), word.size());
    return to + word.size();
  } else if constexpr (std::is_same_v<T, double>) {
    return WriteFloatRepr(to, Load<double>(at));
  } else if constexpr (std::is_same_v<T, float>) {
    return WriteFloat32Text(to, Load<float>(at), style);
  } else if constexpr (std::is_same_v<T, Half>) {
    return WriteFloat16Text(to, Load<Half>(at).bits, style);
  } else {
    return WriteInteger(to, Load<T>(at));
  }
}

}  // namespace

Result<void> EncodeCsv(const TensorView& view, NumPyText style, std::string& text) {
  const TensorInfo& info = view.info;
  BERTH_ASSIGN(const uint64_t bytes, BytesOf(info));
  if (info.dimensions < 1 || info.dimensions > 2) return NotNative("neither rows nor a column");
  const auto strides = StridesOf(info);
  const int64_t columns = info.dimensions == 2 ? info.shape[1] : 1;
  TextBuffer out(text, 16 + bytes);
  VisitType(info.dtype, [&]<typename T>(T) {
    const char* row = view.data;
    for (int64_t i = 0; i < info.shape[0]; ++i, row += strides[0]) {
      const char* at = row;
      for (int64_t column = 0; column < columns; ++column, at += strides[1]) {
        char* to = out.Room(kFloatTextSize + 1);
        if (column > 0) *to++ = ',';
        out.Wrote(WriteElement<T>(to, at, style));
      }
      out.Append("\n");
    }
  });
  return {};
}

}  // namespace berth::codec
