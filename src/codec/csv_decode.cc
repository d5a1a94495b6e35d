#include "codec/csv_decode.h"

#include <vector>

#include "codec/number_buffer.h"

namespace berth::codec {
namespace {

TensorInfo Squeezed(int64_t rows, int64_t columns) {
  TensorInfo info;
  for (const int64_t length : {rows, columns}) {
    if (length != 1) info.shape[info.dimensions++] = length;
  }
  return info;
}

/// genfromtxt's: lines end with '\n' only, lines of spaces and '\r' are skipped, and int() and
/// float() drop white space around a number, '\r' too.
class GenFromText {
 public:
  explicit GenFromText(std::string_view text)
      : at_(text.data()),
        end_(at_ + text.size()),
        numbers_(CountOf(text, ',') + CountOf(text, '\n') + 1) {}

  Result<TensorInfo> Decode(const Allocate& allocate) {
    while (SkipToLine()) {
      size_t column = 0;
      do {
        if (!Field(column++)) return NotNative("no number");
      } while (TakeComma());
      if (at_ < end_ && *at_ != '\n') return NotNative("more than a number");
      if (rows_++ == 0) columns_ = column;
      if (column != columns_) return NotNative("lines of different lengths");
    }
    if (rows_ == 0) return NotNative("no lines");
    size_t real = 0;
    for (const bool each : real_) real += each ? 1 : 0;
    if (real != 0 && real != columns_) return NotNative("columns of different types");
    return numbers_.Finish(Squeezed(rows_, static_cast<int64_t>(columns_)), allocate);
  }

 private:
  bool SkipToLine() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\r' || *at_ == '\n')) ++at_;
    return at_ < end_;
  }

  void SkipSpace() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }

  bool TakeComma() {
    if (at_ == end_ || *at_ != ',') return false;
    ++at_;
    return true;
  }

  bool Field(size_t column) {
    if (at_ < end_ && *at_ <= ' ') SkipSpace();
    if (at_ == end_) return false;
    Number number;
    at_ = ReadNumber<Grammar::kPython>(at_, end_, number);
    if (at_ < end_ && *at_ <= ' ') SkipSpace();
    if (rows_ == 0) {
      real_.push_back(false);
    } else if (column >= columns_) {
      return false;
    }
    if (number.kind == Number::Kind::kReal) {
      real_[column] = true;
    } else if (number.kind != Number::Kind::kInteger) {
      // Of an integer beyond int64 and of -0 it depends on the rest of the column what they are.
      return false;
    }
    return numbers_.Add(number);
  }

  const char* at_;
  const char* end_;
  NumberBuffer numbers_;
  int64_t rows_ = 0;
  size_t columns_ = 0;
  /// By column: it has a number that is no integer.
  std::vector<char> real_;
};

}  // namespace

Result<TensorInfo> DecodeCsv(std::string_view text, const Allocate& allocate) {
  return GenFromText(text).Decode(allocate);
}

Result<TensorInfo> DecodeCsvAsFloats(std::string_view text, const Allocate& allocate) {
  NumberBuffer numbers(CountOf(text, ',') + CountOf(text, '\n') + 1);
  const char* at = text.data();
  const char* const end = at + text.size();
  int64_t rows = 0;
  int64_t columns = 0;
  while (at < end) {
    for (int64_t column = 1;; ++column) {
      while (at < end && *at == ' ') ++at;
      if (at == end) return NotNative("no number");
      Number number;
      at = ReadNumber<Grammar::kPython>(at, end, number);
      while (at < end && *at == ' ') ++at;
      if (number.kind == Number::Kind::kNone) return NotNative("no number");
      if (number.kind == Number::Kind::kReal) {
        numbers.AddReal(number.real);
      } else if (number.kind == Number::Kind::kUnsigned) {
        numbers.AddReal(static_cast<double>(static_cast<uint64_t>(number.integer)));
      } else {
        numbers.AddReal(number.kind == Number::Kind::kNegativeZero
                            ? -0.0
                            : static_cast<double>(number.integer));
      }
      if (at < end && *at == ',') {
        ++at;
        continue;
      }
      if (rows++ == 0) columns = column;
      if (column != columns) return NotNative("lines of different lengths");
      break;
    }
    if (at < end && *at == '\r') ++at;
    if (at < end && *at != '\n') return NotNative("more than a number");
    at += at < end ? 1 : 0;
  }
  if (rows == 0) return NotNative("no lines");
  return numbers.Finish(Squeezed(rows, columns), allocate);
}

}  // namespace berth::codec
