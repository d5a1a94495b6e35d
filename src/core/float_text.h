// Decimal text of binary floating point numbers, as Python and NumPy print it: the shortest digits
// that read back as the same number, and the closest of those.
#pragma once

#include <cstddef>
#include <cstdint>

namespace berth {

/// No number needs more characters.
inline constexpr size_t kFloatTextSize = 32;

/// Where NumPy changes from 1000000.0 to 1e+06, for numbers of less precision than double.
enum class NumPyText : uint8_t {
  /// NumPy 1.14 to 2.2: at 1e16, as in Python.
  kUntil22,
  /// Since NumPy 2.3: at 1e6 for float32 and at 1e3 for float16.
  kSince23,
};

/// Writes what Python's repr(float) prints ("0.1", "1e-07", "1e+16", "nan", "-inf") to `to`, which
/// has room for kFloatTextSize characters; gives the end of it. No zero at the end.
char* WriteFloatRepr(char* to, double value);

/// The same for what str(numpy.float32) prints. Its borders between 0.0001 and 1e-04 are by value,
/// not by the digits printed: numpy.float32(0.0001), which is a little less than that, is "1e-04".
char* WriteFloat32Text(char* to, float value, NumPyText style);

/// The same for what str(numpy.float16) prints; `half` is the number's bits.
char* WriteFloat16Text(char* to, uint16_t half, NumPyText style);

/// Exact: each half is a double.
double DoubleOfHalf(uint16_t half);

}  // namespace berth
