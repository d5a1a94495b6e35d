// The reader: recursive descent over the bytes, depth-limited, linear (an object's keys are made
// unique once, at its end).
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "core/json.h"
#include "core/text.h"
#include "core/wtf8.h"

namespace berth::json {
namespace {

constexpr bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

/// What a decimal number becomes that from_chars() calls out of range: is it huge, or next to 0?
bool IsHuge(std::string_view number) {
  const size_t e = number.find_first_of("eE");
  const std::string_view mantissa = number.substr(0, e);
  long long exponent = 0;
  if (e != std::string_view::npos) {
    const bool negative = number[e + 1] == '-';
    const char* first = number.data() + e + (IsDigit(number[e + 1]) ? 1 : 2);
    if (std::from_chars(first, number.data() + number.size(), exponent).ec != std::errc()) {
      return !negative;
    }
    if (negative) exponent = -exponent;
  }
  long long place = 0;  // decimal place of the first digit that is not zero
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  const size_t leading = mantissa.find_first_of("123456789");
  if (leading != std::string_view::npos) {
    place = leading < point ? static_cast<long long>(point - leading)
                            : -static_cast<long long>(leading - point) + 1;
  }
  return exponent > -place;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Value> ParseText() {
    SkipSpace();
    BERTH_ASSIGN(Value value, ParseValue());
    SkipSpace();
    if (at_ < text_.size()) return FailAt(at_, "the end of the text");
    return value;
  }

  std::unexpected<Error> FailAt(size_t at, std::string_view expected,
                                std::string_view found = {}) const {
    size_t line = 1, column = 1;
    for (const char c : text_.substr(0, at)) {
      if (c == '\n') {
        ++line;
        column = 1;
      } else if (!IsUtf8Continuation(c)) {
        ++column;
      }
    }
    return Fail("line " + std::to_string(line) + ", column " + std::to_string(column) +
                ": expected " + std::string(expected) + ", found " +
                (found.empty() ? Found(at) : std::string(found)));
  }

 private:
  /// The byte, character or word at `at`, for a message.
  std::string Found(size_t at) const {
    if (at >= text_.size()) return "the end of the text";
    size_t end = at;
    const auto in_word = [&](char c) {
      return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
             c == '.' || c == '+' || c == '-';
    };
    while (end < text_.size() && end - at < 24 && in_word(text_[end])) ++end;
    if (end > at) return '"' + std::string(text_.substr(at, end - at)) + '"';
    const auto byte = static_cast<unsigned char>(text_[at]);
    if (byte < 0x20 || byte == 0x7F) {
      constexpr char kHex[] = "0123456789abcdef";
      return std::string("the control character \\x") + kHex[byte >> 4] + kHex[byte & 15];
    }
    if (byte == '"') return "'\"'";
    end = at + 1;
    while (end < text_.size() && IsUtf8Continuation(text_[end])) ++end;
    return '"' + ToValidUtf8(text_.substr(at, end - at)) + '"';
  }

  bool AtEnd() const { return at_ >= text_.size(); }
  bool Looking(char c) const { return !AtEnd() && text_[at_] == c; }

  void SkipSpace() {
    while (!AtEnd() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  bool TakeWord(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Result<Value> ParseValue() {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (AtEnd()) return FailAt(at_, "a value");
    const char c = text_[at_];
    switch (c) {
      case '{':
        return ParseObject();
      case '[':
        return ParseArray();
      case '"': {
        BERTH_ASSIGN(std::string text, ParseString());
        return Value(std::move(text));
      }
      case 'n':
        if (TakeWord("null")) return Value(Null{});
        break;
      case 't':
        if (TakeWord("true")) return Value(true);
        break;
      case 'f':
        if (TakeWord("false")) return Value(false);
        break;
      case 'N':
        if (TakeWord("NaN")) return Value(std::numeric_limits<double>::quiet_NaN());
        break;
      case 'I':
        if (TakeWord("Infinity")) return Value(kInfinity);
        break;
      case '-':
        if (TakeWord("-Infinity")) return Value(-kInfinity);
        return ParseNumber();
      default:
        if (IsDigit(c)) return ParseNumber();
    }
    return FailAt(at_, "a value");
  }

  size_t TakeDigits() {
    const size_t start = at_;
    while (!AtEnd() && IsDigit(text_[at_])) ++at_;
    return at_ - start;
  }

  Result<Value> ParseNumber() {
    const size_t start = at_;
    const bool negative = Looking('-');
    if (negative) ++at_;
    const size_t digits_at = at_;
    if (Looking('0')) {
      ++at_;
    } else if (TakeDigits() == 0) {
      return FailAt(start, "a value");
    }
    const size_t digits = at_ - digits_at;
    bool is_float = false;
    // As in Python, what cannot belong to the number is not taken: "1.", "1e" end behind the 1.
    if (Looking('.') && at_ + 1 < text_.size() && IsDigit(text_[at_ + 1])) {
      is_float = true;
      ++at_;
      TakeDigits();
    }
    if (Looking('e') || Looking('E')) {
      const size_t before = at_++;
      if (Looking('+') || Looking('-')) ++at_;
      if (TakeDigits() > 0) {
        is_float = true;
      } else {
        at_ = before;
      }
    }
    const std::string_view number = text_.substr(start, at_ - start);
    if (!is_float) {
      if (digits > kMaxIntegerDigits) {
        return FailAt(start,
                      "an integer of at most " + std::to_string(kMaxIntegerDigits) + " digits",
                      "one of " + std::to_string(digits));
      }
      return Value(Integer{std::string(number == "-0" ? "0" : number)});
    }
    double value = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
    if (read.ec == std::errc::result_out_of_range) {
      value = IsHuge(number) ? std::numeric_limits<double>::infinity() : 0.0;
      if (negative) value = -value;
    }
    return Value(value);
  }

  std::optional<unsigned> TakeHex4() {
    if (text_.size() - at_ < 4) return std::nullopt;
    unsigned code = 0;
    const char* first = text_.data() + at_;
    for (int i = 0; i < 4; ++i) {
      const char c = first[i];
      const char lower = static_cast<char>(c | 0x20);
      if (IsDigit(c)) {
        code = code * 16 + static_cast<unsigned>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        code = code * 16 + static_cast<unsigned>(lower - 'a') + 10;
      } else {
        return std::nullopt;
      }
    }
    at_ += 4;
    return code;
  }

  Result<void> ParseEscape(std::string& text) {
    constexpr std::string_view kExpected = R"(one of the escapes \" \\ \/ \b \f \n \r \t \uXXXX)";
    const size_t start = at_++;  // the backslash
    if (AtEnd()) return FailAt(at_, kExpected);
    switch (text_[at_++]) {
      case '"':
        text += '"';
        return {};
      case '\\':
        text += '\\';
        return {};
      case '/':
        text += '/';
        return {};
      case 'b':
        text += '\b';
        return {};
      case 'f':
        text += '\f';
        return {};
      case 'n':
        text += '\n';
        return {};
      case 'r':
        text += '\r';
        return {};
      case 't':
        text += '\t';
        return {};
      case 'u':
        break;
      default:
        return FailAt(start, kExpected);
    }
    std::optional<unsigned> code = TakeHex4();
    if (!code) return FailAt(at_, "four hexadecimal digits");
    const size_t after = at_;
    if (*code >= 0xD800 && *code <= 0xDBFF && TakeWord("\\u")) {
      const std::optional<unsigned> low = TakeHex4();
      if (low && *low >= 0xDC00 && *low <= 0xDFFF) {
        code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
      } else {
        at_ = after;
      }
    }
    AppendWtf8(text, *code);
    return {};
  }

  Result<std::string> ParseString() {
    const size_t start = at_++;
    std::string text;
    for (;;) {
      const size_t plain = at_;
      while (!AtEnd() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20) {
        ++at_;
      }
      text.append(text_.substr(plain, at_ - plain));
      if (AtEnd()) return FailAt(start, "a string with an end", "one without a closing '\"'");
      if (text_[at_] == '"') {
        ++at_;
        return text;
      }
      if (text_[at_] != '\\') return FailAt(at_, "an escape such as \\n inside a string");
      BERTH_TRY(ParseEscape(text));
    }
  }

  Result<void> Enter() {
    if (++depth_ > kMaxDepth) {
      return FailAt(at_, "at most " + std::to_string(kMaxDepth) + " levels of nesting",
                    "one level more");
    }
    return {};
  }

  Result<Value> ParseArray() {
    BERTH_TRY(Enter());
    ++at_;
    Array array;
    SkipSpace();
    if (!Looking(']')) {
      for (;;) {
        BERTH_ASSIGN(Value value, ParseValue());
        array.push_back(std::move(value));
        SkipSpace();
        if (Looking(']')) break;
        if (!Looking(',')) return FailAt(at_, "',' or ']'");
        ++at_;
        SkipSpace();
      }
    }
    ++at_;
    --depth_;
    return Value(std::move(array));
  }

  Result<Value> ParseObject() {
    BERTH_TRY(Enter());
    ++at_;
    std::vector<Object::Member> members;
    SkipSpace();
    if (!Looking('}')) {
      for (;;) {
        if (!Looking('"'))
          return FailAt(at_, members.empty() ? "a name in '\"' or '}'" : "a name in '\"'");
        BERTH_ASSIGN(std::string name, ParseString());
        SkipSpace();
        if (!Looking(':')) return FailAt(at_, "':'");
        ++at_;
        SkipSpace();
        BERTH_ASSIGN(Value value, ParseValue());
        members.emplace_back(std::move(name), std::move(value));
        SkipSpace();
        if (Looking('}')) break;
        if (!Looking(',')) return FailAt(at_, "',' or '}'");
        ++at_;
        SkipSpace();
      }
    }
    ++at_;
    --depth_;
    return Value(Object::FromMembers(std::move(members)));
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<Value> Parse(std::string_view text) {
  Parser parser(text);
  if (text.starts_with("\xEF\xBB\xBF")) {
    return parser.FailAt(0, "a value", "a byte-order mark (save the file as UTF-8 without one)");
  }
  if (const auto bad = FirstInvalidUtf8(text)) {
    constexpr char kHex[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(text[*bad]);
    const std::string found = std::string("the byte 0x") + kHex[byte >> 4] + kHex[byte & 15];
    return parser.FailAt(*bad, "UTF-8 text", found);
  }
  return parser.ParseText();
}

Result<Value> ParseDecoded(std::string_view text) {
  return Parser(text).ParseText();
}

}  // namespace berth::json
