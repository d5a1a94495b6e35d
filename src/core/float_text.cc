#include "core/float_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

namespace berth {
namespace {

char* Copy(char* to, const char* text, size_t length) {
  std::memcpy(to, text, length);
  return to + length;
}

/// nullptr for finite numbers.
template <typename Float>
char* WriteNonFinite(char* to, Float value) {
  if (std::isfinite(value)) return nullptr;
  if (std::isnan(value)) return Copy(to, "nan", 3);
  return value < 0 ? Copy(to, "-inf", 4) : Copy(to, "inf", 3);
}

/// The parts of "-d.ddde-XX", which is how to_chars() writes numbers in scientific form.
struct Decimal {
  bool negative = false;
  char digits[24] = {};
  int count = 0;
  /// Of the first digit.
  int exponent = 0;

  Decimal(const char* at, const char* end) {
    negative = *at == '-';
    if (negative) ++at;
    digits[count++] = *at++;
    if (*at == '.') {
      for (++at; *at != 'e' && count < 24; ++at) digits[count++] = *at;
    }
    ++at;  // the e
    const bool small = *at++ == '-';
    for (; at < end; ++at) exponent = exponent * 10 + (*at - '0');
    if (small) exponent = -exponent;
  }

  double Value() const {
    char text[48];
    char* at = text;
    if (negative) *at++ = '-';
    at = Copy(at, digits, static_cast<size_t>(count));
    *at++ = 'e';
    at = std::to_chars(at, text + sizeof text, exponent - count + 1).ptr;
    double value = 0;
    std::from_chars(text, at, value);
    return value;
  }

  /// Adds one to the last digit.
  void StepUp() {
    int at = count - 1;
    for (; at >= 0 && digits[at] == '9'; --at) digits[at] = '0';
    if (at >= 0) {
      ++digits[at];
    } else {
      digits[0] = '1';
      ++exponent;
    }
  }
};

char* WriteExponent(char* to, int exponent) {
  *to++ = 'e';
  *to++ = exponent < 0 ? '-' : '+';
  const int magnitude = std::abs(exponent);
  if (magnitude < 10) *to++ = '0';
  return std::to_chars(to, to + 4, magnitude).ptr;
}

char* WriteDecimal(char* to, const Decimal& decimal, bool scientific) {
  const auto count = static_cast<size_t>(decimal.count);
  if (decimal.negative) *to++ = '-';
  if (scientific) {
    *to++ = decimal.digits[0];
    if (count > 1) {
      *to++ = '.';
      to = Copy(to, decimal.digits + 1, count - 1);
    }
    return WriteExponent(to, decimal.exponent);
  }
  if (decimal.exponent < 0) {
    to = Copy(to, "0.000000", static_cast<size_t>(1 - decimal.exponent));
    return Copy(to, decimal.digits, count);
  }
  const size_t whole = static_cast<size_t>(decimal.exponent) + 1;
  if (count <= whole) {
    to = Copy(to, decimal.digits, count);
    std::memset(to, '0', whole - count);
    return Copy(to + (whole - count), ".0", 2);
  }
  to = Copy(to, decimal.digits, whole);
  *to++ = '.';
  return Copy(to, decimal.digits + whole, count - whole);
}

template <typename Float>
Decimal Shortest(Float value) {
  char text[48];
  const char* end =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  return {text, end};
}

/// Whole numbers that both print as their digits and ".0".
template <typename Float>
char* WriteWhole(char* to, Float value, Float limit) {
  if (!(std::abs(value) < limit)) return nullptr;
  const auto whole = static_cast<int64_t>(value);
  if (static_cast<Float>(whole) != value || (whole == 0 && std::signbit(value))) return nullptr;
  return Copy(std::to_chars(to, to + 20, whole).ptr, ".0", 2);
}

/// Numbers of at most six decimals and fifteen digits, which most data and most results are,
/// without the search for the shortest digits. A decimal of fifteen digits that reads as this
/// number is the only one of so few digits that does, so its own, without zeros at the end, are the
/// shortest.
char* WriteShort(char* to, double value) {
  constexpr int64_t kScale = 1'000'000;
  const double magnitude = std::abs(value);
  if (!(magnitude >= 1e-4 && magnitude < 1e9)) return nullptr;
  constexpr double kRound = 0x1p52;  // leaves no place for a fraction
  const auto scaled = static_cast<int64_t>((magnitude * kScale + kRound) - kRound);
  if (static_cast<double>(scaled) / kScale != magnitude) return nullptr;
  if (value < 0) *to++ = '-';
  to = std::to_chars(to, to + 10, scaled / kScale).ptr;
  *to++ = '.';
  auto fraction = static_cast<uint32_t>(scaled % kScale);
  char* end = to + 1;
  for (int i = 5; i >= 0; --i, fraction /= 10) {
    to[i] = static_cast<char>('0' + fraction % 10);
    if (end == to + 1 && to[i] != '0') end = to + i + 1;
  }
  return end;
}

bool NumPyWritesScientific(double magnitude, double limit) {
  return magnitude != 0 && !(magnitude < limit && magnitude >= 1e-4L);
}

/// Half precision rounds to this many bits; below 2^-14 to multiples of 2^-24.
double RoundedToHalf(double value) {
  const double magnitude = std::abs(value);
  if (magnitude < 0x1p-14) return std::nearbyint(value * 0x1p24) * 0x1p-24;
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  return std::ldexp(std::nearbyint(fraction * 0x1p11), exponent - 11);
}

}  // namespace

char* WriteFloatRepr(char* to, double value) {
  if (char* end = WriteWhole(to, value, 1e15)) return end;
  if (char* end = WriteShort(to, value)) return end;
  if (char* end = WriteNonFinite(to, value)) return end;
  const Decimal decimal = Shortest(value);
  return WriteDecimal(to, decimal, decimal.exponent < -4 || decimal.exponent >= 16);
}

char* WriteFloat32Text(char* to, float value, NumPyText style) {
  if (char* end = WriteWhole(to, value, 1e6F)) return end;
  if (char* end = WriteNonFinite(to, value)) return end;
  const double limit = style == NumPyText::kUntil22 ? 1e16 : 1e6;
  return WriteDecimal(to, Shortest(value), NumPyWritesScientific(std::abs(double{value}), limit));
}

char* WriteFloat16Text(char* to, uint16_t half, NumPyText style) {
  const double value = DoubleOfHalf(half);
  if (char* end = WriteNonFinite(to, value)) return end;
  const double limit = style == NumPyText::kUntil22 ? 1e16 : 1e3;
  const bool scientific = NumPyWritesScientific(std::abs(value), limit);
  // Five digits tell all halves apart. to_chars() knows no halves: the fewest that do are tried
  // for.
  for (int digits = 0;; ++digits) {
    char text[48];
    const char* end =
        std::to_chars(text, text + sizeof text, value, std::chars_format::scientific, digits).ptr;
    Decimal decimal(text, end);
    if (digits == 5 || RoundedToHalf(decimal.Value()) == value) {
      return WriteDecimal(to, decimal, scientific);
    }
    // Above a power of two halves are twice as far apart as below: one up may do.
    decimal.StepUp();
    if (RoundedToHalf(decimal.Value()) == value) return WriteDecimal(to, decimal, scientific);
  }
}

double DoubleOfHalf(uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const double fraction = half & 1023;
  double magnitude = 0;
  if (exponent == 31) {
    magnitude = fraction == 0 ? HUGE_VAL : std::nan("");
  } else if (exponent == 0) {
    magnitude = fraction * 0x1p-24;
  } else {
    magnitude = std::ldexp(fraction + 1024, exponent - 25);
  }
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

}  // namespace berth
