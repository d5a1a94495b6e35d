// Python's strings as bytes: UTF-8 in which a lone surrogate is three bytes as well ("WTF-8",
// except that two lone halves side by side stay two, as Python keeps them).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace berth {

constexpr bool IsSurrogate(unsigned code) {
  return code >= 0xD800 && code <= 0xDFFF;
}
constexpr bool IsUtf8Continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

/// The code point at text[at], and `at` moved behind it. A byte that begins no sequence counts as
/// the code point of the same number, so any bytes are read to their end.
unsigned NextWtf8(std::string_view text, size_t& at);

void AppendWtf8(std::string& text, unsigned code);

/// How many code points: Python's len().
size_t Wtf8Length(std::string_view text);

/// os.fsencode(): U+DC80–U+DCFF become the bytes 0x80–0xFF they stand for. Other lone surrogates,
/// for which Python raises UnicodeEncodeError, stay as they are.
std::string EncodeForSystem(std::string_view text);

/// os.fsdecode(): each byte that is no part of well-formed UTF-8 becomes U+DC80–U+DCFF.
std::string DecodeFromSystem(std::string_view bytes);

}  // namespace berth
