#include "serving/http/chunks.h"

#include <algorithm>

namespace berth::serving::http {
namespace {

// No chunk of 2^60 bytes is meant; 15 digits cannot overflow.
constexpr unsigned kMaxDigits = 15;

std::unexpected<Fault> Bad(std::string_view message) {
  return std::unexpected(Fault{400, message});
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::expected<std::string_view, Fault> ChunkDecoder::Next(std::string_view& input) {
  while (!input.empty() && state_ != State::kEnded) {
    if (state_ == State::kData) {
      const std::string_view data = input.substr(0, std::min<uint64_t>(left_, input.size()));
      input.remove_prefix(data.size());
      left_ -= data.size();
      if (left_ == 0) state_ = State::kDataEnd;
      return data;
    }
    const char c = input.front();
    input.remove_prefix(1);
    if (auto taken = Take(c); !taken) return std::unexpected(taken.error());
  }
  return std::string_view();
}

std::expected<void, Fault> ChunkDecoder::Take(char c) {
  switch (state_) {
    case State::kSize:
      return TakeSize(c);
    case State::kExtension:
      if (c == '\r') {
        state_ = State::kSizeEnd;
        return {};
      }
      if (!IsFieldValue({&c, 1})) return Bad("a chunk extension holds a control character");
      if (++extensions_ > kMaxExtensions) return Bad("the chunk extensions are too long");
      return {};
    case State::kSizeEnd:
      if (c != '\n') return Bad("a chunk's size does not end in CR LF");
      digits_ = 0;
      state_ = left_ == 0 ? State::kTrailer : State::kData;
      return {};
    case State::kDataEnd:
      if (c != '\r') return Bad("a chunk is longer than its size");
      state_ = State::kDataEndLine;
      return {};
    case State::kDataEndLine:
      if (c != '\n') return Bad("a chunk does not end in CR LF");
      state_ = State::kSize;
      return {};
    case State::kTrailer:
      return TakeTrailer(c);
    case State::kData:
    case State::kEnded:
      break;
  }
  return {};
}

std::expected<void, Fault> ChunkDecoder::TakeSize(char c) {
  if (const int digit = HexDigit(c); digit >= 0) {
    if (++digits_ > kMaxDigits) return Bad("a chunk's size is too large");
    left_ = left_ * 16 + static_cast<unsigned>(digit);
    return {};
  }
  if (digits_ == 0 || (c != '\r' && c != ';'))
    return Bad("a chunk's size is not a hexadecimal number");
  state_ = c == ';' ? State::kExtension : State::kSizeEnd;
  return {};
}

std::expected<void, Fault> ChunkDecoder::TakeTrailer(char c) {
  if (++trailers_ > kMaxTrailers) return std::unexpected(Fault{431, "the trailers are too long"});
  line_ += c;
  if (c != '\n') return {};
  if (!line_.ends_with("\r\n")) return Bad("a trailer does not end in CR LF");
  line_.resize(line_.size() - 2);
  if (line_.empty()) {
    state_ = State::kEnded;
    return {};
  }
  const auto header = ParseHeaderLine(line_);
  line_.clear();
  if (!header) return std::unexpected(header.error());
  return {};
}

}  // namespace berth::serving::http
