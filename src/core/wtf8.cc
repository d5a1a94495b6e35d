#include "core/wtf8.h"

#include "core/text.h"

namespace berth {

unsigned NextWtf8(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(at);
  const size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length > 1 && text.size() - at >= length) {
    unsigned code = lead & (0x7FU >> length);
    size_t i = 1;
    while (i < length && IsUtf8Continuation(text[at + i]))
      code = code << 6 | (byte(at + i++) & 0x3F);
    if (i == length && code <= 0x10FFFF) {
      at += length;
      return code;
    }
  }
  ++at;
  return lead;
}

void AppendWtf8(std::string& text, unsigned code) {
  const auto add = [&](unsigned byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0 | code >> 6);
    add(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  } else {
    add(0xF0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3F));
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  }
}

size_t Wtf8Length(std::string_view text) {
  size_t length = 0;
  for (size_t at = 0; at < text.size(); ++length) NextWtf8(text, at);
  return length;
}

std::string EncodeForSystem(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const unsigned code = NextWtf8(text, at);
    if (code >= 0xDC80 && code <= 0xDCFF) {
      bytes += static_cast<char>(code - 0xDC00);
    } else {
      bytes += text.substr(start, at - start);
    }
  }
  return bytes;
}

std::string DecodeFromSystem(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (const auto bad = FirstInvalidUtf8(bytes)) {
    text += bytes.substr(0, *bad);
    AppendWtf8(text, 0xDC00U + static_cast<unsigned char>(bytes[*bad]));
    bytes.remove_prefix(*bad + 1);
  }
  return text.append(bytes);
}

}  // namespace berth
