#include "serving/http/unpacker.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace berth::serving::http {
namespace {

constexpr Fault kBroken{400, "the body is not what its Content-Encoding says, or is damaged"};

// What inflateInit2() understands by it.
constexpr int kBare = -MAX_WBITS;
constexpr int kGzip = MAX_WBITS + 16;

/// A zlib header begins with the method 8 and a window of at most 32 KiB; no bare stream that a
/// compressor writes begins so.
bool LooksLikeZlib(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return (byte & 0x0F) == 8 && byte >> 4 <= 7;
}

}  // namespace

Unpacker::~Unpacker() {
  if (started_) inflateEnd(&zlib_);
}

std::optional<Fault> Unpacker::Feed(std::string_view& input, std::string& out, size_t at_most) {
  if (input.empty() && !more_) return std::nullopt;
  if (!started_) {
    int window = kGzip;
    if (coding_ == Coding::kDeflate) window = LooksLikeZlib(input.front()) ? MAX_WBITS : kBare;
    if (inflateInit2(&zlib_, window) != Z_OK) return Fault{500, "out of memory"};
    started_ = true;
  }
  at_most = std::min<size_t>(at_most, std::numeric_limits<uInt>::max());
  const size_t before = out.size();
  int result = Z_OK;
  out.resize_and_overwrite(before + at_most, [&](char* bytes, size_t) {
    zlib_.next_out = reinterpret_cast<Bytef*>(bytes + before);
    zlib_.avail_out = static_cast<uInt>(at_most);
    zlib_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    zlib_.avail_in = static_cast<uInt>(input.size());
    while ((zlib_.avail_in > 0 || more_) && zlib_.avail_out > 0) {
      more_ = false;
      if (ended_) {
        result = coding_ == Coding::kGzip ? inflateReset(&zlib_) : Z_DATA_ERROR;
        if (result != Z_OK) break;
        ended_ = false;
      }
      result = inflate(&zlib_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        ended_ = true;
      } else if (result != Z_OK) {
        break;
      }
    }
    return before + at_most - zlib_.avail_out;
  });
  input.remove_prefix(input.size() - zlib_.avail_in);
  more_ = zlib_.avail_out == 0 && !ended_;
  if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return kBroken;
  return std::nullopt;
}

}  // namespace berth::serving::http
