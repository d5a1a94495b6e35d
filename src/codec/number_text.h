// Reading one number of a text: the inner loop of the JSON and CSV decoders, hence inline.
#pragma once

#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <system_error>

namespace berth::codec {

struct Number {
  enum class Kind : uint8_t {
    /// No number, or one that is left to Python: an integer beyond 64 bits, 1e999, 1e-999.
    kNone,
    /// In `integer`.
    kInteger,
    /// From 2^63 to 2^64-1, in `integer` as an uint64_t.
    kUnsigned,
    /// An integer's text: 0 as an int, -0.0 as a float.
    kNegativeZero,
    /// In `real`.
    kReal,
  };
  Kind kind = Kind::kNone;
  int64_t integer = 0;
  double real = 0;
};

enum class Grammar : uint8_t {
  /// RFC 8259.
  kJson,
  /// Also what Python's int() and float() take: "+1", "007", "1.", ".5".
  kPython,
};

inline bool IsDigit(char c) {
  return static_cast<unsigned char>(c - '0') < 10;
}

/// 10 to the powers that eight digits need.
inline constexpr std::array<uint64_t, 9> kTens = {
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000};

/// Takes the digits at `at` to the end of the number `digits`, which wraps, as long as eight bytes
/// are left of the text: without a branch for how many they are, which nobody can foretell. A byte
/// of the text is a byte of the word: little endian.
inline const char* ReadByEights(const char* at, const char* end, uint64_t& digits) {
  constexpr uint64_t kZeros = 0x3030303030303030;
  constexpr uint64_t kSix = 0x0606060606060606;
  constexpr uint64_t kHigh = 0xF0F0F0F0F0F0F0F0;
  while (end - at >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    word ^= kZeros;
    // Below 16 and below 10. A carry only reaches bytes behind one that is no digit.
    const uint64_t others = (word | (word + kSix)) & kHigh;
    const auto count = others == 0 ? size_t{8} : static_cast<size_t>(std::countr_zero(others)) / 8;
    if (count == 0) break;
    word <<= 64 - 8 * count;                                                    // zeros before them
    word = (word * (10 << 8 | 1)) >> 8;                                         // pairs
    word = ((word & 0x00FF00FF00FF00FF) * (100 << 16 | 1)) >> 16;               // fours
    word = ((word & 0x0000FFFF0000FFFF) * (uint64_t{10'000} << 32 | 1)) >> 32;  // all eight
    digits = digits * kTens[count] + word;
    at += count;
    if (count < 8) break;
  }
  return at;
}

__extension__ using Wide = unsigned __int128;

/// 5 to some power, shifted up to its highest bit.
struct Fives {
  uint64_t divisor = 0;
  int shift = 0;
  /// 2^127 / divisor, rounded down.
  uint64_t reciprocal = 0;
};

inline constexpr size_t kMostFives = 27;  // 5^27 has 63 bits
inline constexpr auto kFives = [] {
  std::array<Fives, kMostFives + 1> all{};
  uint64_t power = 1;
  for (size_t i = 1; i <= kMostFives; ++i) {
    power *= 5;
    const int shift = std::countl_zero(power);
    const uint64_t divisor = power << shift;
    all[i] = {divisor, shift, static_cast<uint64_t>((Wide{1} << 127) / divisor)};
  }
  return all;
}();

/// The double nearest to digits / 10^power, of two the even one. `digits` is not 0, `power` from 1
/// to kMostFives. As std::from_chars() has it, which reads the digits again.
inline double Quotient(uint64_t digits, size_t power) {
  const Fives& fives = kFives[power];
  const int shift = std::countl_zero(digits);
  digits <<= shift;
  // digits * 2^63 / divisor has 63 or 64 bits. This is it, or up to 2 less.
  auto quotient = static_cast<uint64_t>((static_cast<Wide>(digits) * fives.reciprocal) >> 64);
  const int surplus = 64 - std::countl_zero(quotient) - 53;  // bits that a double has not
  if (surplus < 10) __builtin_unreachable();  // 10 or 11; compilers and checkers cannot tell
  const uint64_t half = uint64_t{1} << (surplus - 1);
  uint64_t rest = quotient & (2 * half - 1);
  bool up = rest > half;
  if (rest == half || rest == half - 1) [[unlikely]] {
    // Those 2 decide.
    const Wide dividend = static_cast<Wide>(digits) << 63;
    quotient = static_cast<uint64_t>(dividend / fives.divisor);
    rest = quotient & (2 * half - 1);
    const bool exact = static_cast<Wide>(quotient) * fives.divisor == dividend;
    up = rest > half || (rest == half && (!exact || ((quotient >> surplus) & 1) != 0));
  }
  const auto mantissa = static_cast<double>((quotient >> surplus) + (up ? 1 : 0));
  const int exponent = surplus - 63 + fives.shift - shift - static_cast<int>(power);
  return mantissa * std::bit_cast<double>(static_cast<uint64_t>(1023 + exponent) << 52);
}

/// The number that begins at `at`, which is before `end`, and where it ends. What follows it is
/// the caller's. Inlined in the loop of each decoder, so that `number` stays in registers.
template <Grammar kGrammar>
[[gnu::always_inline]] inline const char* ReadNumber(const char* at, const char* end,
                                                     Number& number) {
  constexpr uint64_t kExactlyDouble = uint64_t{1} << 53;
  static constexpr std::array<double, 23> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  number.kind = Number::Kind::kNone;
  const bool negative = *at == '-';
  const char* start = at;
  if (negative) {
    ++at;
  } else if (kGrammar == Grammar::kPython && *at == '+') {
    start = ++at;
  }
  uint64_t digits = 0;  // wraps where there are more than 19 of them
  const char* whole = at;
  while (at < end && IsDigit(*at)) digits = digits * 10 + static_cast<uint64_t>(*at++ - '0');
  auto count = at - whole;
  if (kGrammar == Grammar::kJson && (count == 0 || (count > 1 && *whole == '0'))) return at;

  if (at == end || (*at != '.' && (*at | 0x20) != 'e')) {
    if (count == 0 || count > 20) return at;
    if (count == 20) {
      const auto read = std::from_chars(whole, at, digits);
      if (read.ec != std::errc()) return at;
    }
    constexpr uint64_t kTop = uint64_t{1} << 63;
    if (negative ? digits > kTop : false) return at;
    number.integer = static_cast<int64_t>(negative ? 0 - digits : digits);
    number.kind = Number::Kind::kInteger;
    if (!negative && digits >= kTop) number.kind = Number::Kind::kUnsigned;
    if (negative && digits == 0) number.kind = Number::Kind::kNegativeZero;
    return at;
  }

  int64_t power = 0;
  if (*at == '.') {
    const char* fraction = ++at;
    at = ReadByEights(at, end, digits);
    while (at < end && IsDigit(*at)) digits = digits * 10 + static_cast<uint64_t>(*at++ - '0');
    power = fraction - at;
    if (kGrammar == Grammar::kJson && power == 0) return at;
    count -= power;
  }
  if (count == 0) return at;
  if (at < end && (*at | 0x20) == 'e') {
    ++at;
    const bool small = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) ++at;
    const char* exponent = at;
    int64_t value = 0;
    while (at < end && IsDigit(*at)) {
      if (value < 100'000) value = value * 10 + (*at - '0');
      ++at;
    }
    if (at == exponent) return at;
    power += small ? -value : value;
  }
  // Both are doubles without an error, so that one operation rounds once.
  if (count <= 19 && digits <= kExactlyDouble && power >= -22 && power <= 22) {
    const auto exact = static_cast<double>(digits);
    const double value = power < 0 ? exact / kPowers[static_cast<size_t>(-power)]
                                   : exact * kPowers[static_cast<size_t>(power)];
    number.real = negative ? -value : value;
    number.kind = Number::Kind::kReal;
    return at;
  }
  if (count <= 19 && digits != 0 && power < 0 && power >= -static_cast<int64_t>(kMostFives)) {
    const double value = Quotient(digits, static_cast<size_t>(-power));
    number.real = negative ? -value : value;
    number.kind = Number::Kind::kReal;
    return at;
  }
  const auto read = std::from_chars(start, at, number.real);
  if (read.ec == std::errc() && read.ptr == at) number.kind = Number::Kind::kReal;
  return at;
}

}  // namespace berth::codec
