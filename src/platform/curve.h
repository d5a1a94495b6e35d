// A series of numbers, drawn with characters. Pure.
#pragma once

#include <span>
#include <string>

#include "platform/console.h"
#include "platform/metrics.h"

namespace berth::platform {

/// At most six significant digits: "0.0123", "1.2e-07", "97".
std::string ShortNumber(double value);

/// The line through `points`, `width` columns and `height` rows, in braille dots (two by four a
/// character) or, without unicode, in '*'. Rows without trailing blanks, each ended by '\n'.
std::string DrawLine(std::span<const double> points, size_t width, size_t height, bool unicode);

/// A metric with its name, first, last, least and greatest value, and its curve with the bounds at
/// the left, where there are two values or more. As wide as the terminal, at most 76 columns.
std::string DrawSeries(const Series& series, const Terminal& terminal);

}  // namespace berth::platform
