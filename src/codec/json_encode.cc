#include "codec/json_encode.h"

#include <cmath>

#include "codec/elements.h"
#include "codec/text_buffer.h"

namespace berth::codec {
namespace {

char* Write(char* to, std::string_view word) {
  std::memcpy(to, word.data(), word.size());
  return to + word.size();
}

char* WriteElement(char* to, bool value) {
  return Write(to, value ? "true" : "false");
}

char* WriteElement(char* to, double value) {
  if (std::isfinite(value)) return WriteFloatRepr(to, value);
  if (std::isnan(value)) return Write(to, "NaN");
  return Write(to, value < 0 ? "-Infinity" : "Infinity");
}

char* WriteElement(char* to, float value) {
  return WriteElement(to, double{value});
}

char* WriteElement(char* to, Half value) {
  return WriteElement(to, DoubleOfHalf(value.bits));
}

template <typename Integer>
  requires std::is_integral_v<Integer>
char* WriteElement(char* to, Integer value) {
  return WriteInteger(to, value);
}

/// What `at` points at is not to be a bool whose byte is neither 0 nor 1.
template <typename T>
T Element(const char* at) {
  if constexpr (std::is_same_v<T, bool>) {
    return *at != 0;
  } else {
    return Load<T>(at);
  }
}

template <typename T>
class Writer {
 public:
  Writer(const TensorInfo& info, TextBuffer& out)
      : info_(info), strides_(StridesOf(info)), out_(out) {}

  void Value(size_t dimension, const char* at) {
    if (dimension == info_.dimensions) {
      out_.Wrote(WriteElement(out_.Room(kFloatTextSize), Element<T>(at)));
    } else {
      List(dimension, at);
    }
  }

  void List(size_t dimension, const char* at) {
    out_.Append("[");
    const auto length = static_cast<size_t>(info_.shape[dimension]);
    if (dimension + 1 == info_.dimensions) {
      Leaves(length, strides_[dimension], at);
    } else {
      for (size_t i = 0; i < length; ++i, at += strides_[dimension]) {
        if (i > 0) out_.Append(", ");
        List(dimension + 1, at);
      }
    }
    out_.Append("]");
  }

  void Lines(const char* at) {
    const int64_t rows = info_.dimensions == 0 ? 1 : info_.shape[0];
    for (int64_t i = 0; i < rows; ++i, at += strides_[0]) {
      Value(info_.dimensions == 0 ? 0 : 1, at);
      out_.Append("\n");
    }
  }

 private:
  void Leaves(size_t length, size_t stride, const char* at) {
    for (size_t i = 0; i < length; ++i, at += stride) {
      char* to = out_.Room(kFloatTextSize + 2);
      if (i > 0) {
        *to++ = ',';
        *to++ = ' ';
      }
      out_.Wrote(WriteElement(to, Element<T>(at)));
    }
  }

  const TensorInfo& info_;
  std::array<size_t, kMaxDimensions> strides_;
  TextBuffer& out_;
};

Result<void> Encode(const TensorView& view, std::string& text, bool lines) {
  BERTH_ASSIGN(const uint64_t bytes, BytesOf(view.info));
  TextBuffer out(text, 16 + bytes);
  VisitType(view.info.dtype, [&]<typename T>(T) {
    Writer<T> writer(view.info, out);
    if (lines) {
      writer.Lines(view.data);
    } else {
      writer.Value(0, view.data);
    }
  });
  return {};
}

}  // namespace

Result<void> EncodeJson(const TensorView& view, std::string& text) {
  return Encode(view, text, false);
}

Result<void> EncodeJsonLines(const TensorView& view, std::string& text) {
  return Encode(view, text, true);
}

}  // namespace berth::codec
