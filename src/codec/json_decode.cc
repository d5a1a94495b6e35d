#include "codec/json_decode.h"

#include <cstring>

#include "codec/number_buffer.h"

namespace berth::codec {
namespace {

constexpr bool IsSpace(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/// One pass over the text; recursion is as deep as an array has dimensions. All functions that
/// return a bool return false where the text is not native.
class Parser {
 public:
  explicit Parser(size_t capacity) : numbers_(capacity) { shape_.fill(kUnknown); }

  /// A whole text whose outermost value is inside of `depth` arrays.
  bool Text(std::string_view text, size_t depth) {
    at_ = text.data();
    end_ = at_ + text.size();
    if (!Value(depth)) return false;
    SkipSpace();
    return at_ == end_;
  }

  Result<TensorInfo> Finish(const Allocate& allocate) const {
    TensorInfo info;
    info.dimensions = static_cast<uint8_t>(leaf_depth_);
    for (size_t i = 0; i < leaf_depth_; ++i) info.shape[i] = shape_[i];
    return numbers_.Finish(info, allocate);
  }

  /// An array inside of `depth` others has ended: all beside it must be as long.
  bool Close(size_t depth, int64_t length) {
    if (shape_[depth] == kUnknown) shape_[depth] = length;
    return shape_[depth] == length;
  }

 private:
  static constexpr int64_t kUnknown = -1;
  static constexpr size_t kNoDepth = kMaxDimensions + 1;

  void SkipSpace() {
    while (at_ < end_ && IsSpace(*at_)) ++at_;
  }

  bool TakeWord(std::string_view word) {
    if (static_cast<size_t>(end_ - at_) < word.size()) return false;
    if (std::memcmp(at_, word.data(), word.size()) != 0) return false;
    at_ += word.size();
    return true;
  }

  /// Where numbers are, or would be: as deep as everywhere else.
  bool Leaf(size_t depth) {
    if (leaf_depth_ == kNoDepth) leaf_depth_ = depth;
    return leaf_depth_ == depth;
  }

  bool Value(size_t depth) {
    SkipSpace();
    if (at_ == end_) return false;
    return *at_ == '[' ? List(depth) : Leaf(depth) && Scalar();
  }

  bool List(size_t depth) {
    if (depth == kMaxDimensions) return false;
    ++at_;
    SkipSpace();
    if (at_ == end_) return false;
    if (*at_ == ']') {
      ++at_;
      return Leaf(depth + 1) && Close(depth, 0);
    }
    if (*at_ != '[') return Leaf(depth + 1) && Leaves(depth);
    for (int64_t length = 1;; ++length) {
      if (!Value(depth + 1)) return false;
      SkipSpace();
      if (at_ == end_) return false;
      if (*at_ == ']') {
        ++at_;
        return Close(depth, length);
      }
      if (*at_++ != ',') return false;
    }
  }

  /// The rest of an array of scalars.
  bool Leaves(size_t depth) {
    const char* at = at_;  // not the member: it stays in a register
    for (int64_t length = 1;; ++length) {
      Number number;
      const char* const behind = ReadNumber<Grammar::kJson>(at, end_, number);
      if (number.kind != Number::Kind::kNone) [[likely]] {
        numbers_.Add(number);
        at = behind;
      } else {
        at_ = at;
        if (!Word()) return false;
        at = at_;
      }
      // "1, 2" and "1,2" are how nearly all writers write. As a branch, which is foretold: where
      // the next number begins is then known before this text was looked at.
      if (end_ - at > 2 && *at == ',') [[likely]] {
        ++at;
        if (*at == ' ') [[likely]]
          ++at;
        if (!IsSpace(*at)) [[likely]]
          continue;
        at_ = at;
      } else {
        at_ = at;
        SkipSpace();
        if (at_ == end_) return false;
        if (*at_ == ']') {
          ++at_;
          return Close(depth, length);
        }
        if (*at_++ != ',') return false;
      }
      SkipSpace();
      if (at_ == end_) return false;
      at = at_;
    }
  }

  /// A text that is one.
  bool Scalar() {
    Number number;
    const char* const behind = ReadNumber<Grammar::kJson>(at_, end_, number);
    if (number.kind == Number::Kind::kNone) return Word();
    at_ = behind;
    return numbers_.Add(number);
  }

  bool Word() {
    if (TakeWord("true")) {
      numbers_.AddBool(true);
    } else if (TakeWord("false")) {
      numbers_.AddBool(false);
    } else if (TakeWord("NaN")) {
      numbers_.AddReal(__builtin_nan(""));
    } else if (TakeWord("Infinity")) {
      numbers_.AddReal(__builtin_inf());
    } else if (TakeWord("-Infinity")) {
      numbers_.AddReal(-__builtin_inf());
    } else {
      return false;
    }
    return true;
  }

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  NumberBuffer numbers_;
  std::array<int64_t, kMaxDimensions> shape_{};
  size_t leaf_depth_ = kNoDepth;
};

}  // namespace

Result<TensorInfo> DecodeJson(std::string_view text, const Allocate& allocate) {
  // Numbers are between commas.
  Parser parser(CountOf(text, ',') + 1);
  if (!parser.Text(text, 0)) return NotNative("no rectangular JSON array of numbers");
  return parser.Finish(allocate);
}

Result<TensorInfo> DecodeJsonLines(std::string_view text, const Allocate& allocate) {
  Parser parser(CountOf(text, ',') + CountOf(text, '\n') + 1);
  int64_t rows = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    const std::string_view line = text.substr(at, end == text.npos ? end : end - at);
    at += line.size() + 1;
    if (line.find_first_not_of(" \r\t") == line.npos) continue;
    if (!parser.Text(line, 1)) return NotNative("a line that is no JSON of numbers");
    ++rows;
  }
  if (rows == 0) return NotNative("no lines");
  parser.Close(0, rows);
  return parser.Finish(allocate);
}

}  // namespace berth::codec
