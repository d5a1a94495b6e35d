#include "platform/curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/text.h"

namespace berth::platform {
namespace {

constexpr size_t kMaxColumns = 76;
constexpr size_t kRows = 6;

/// A picture of dots.
class Dots {
 public:
  Dots(size_t width, size_t height) : width_(width), set_(width * height) {}

  void Set(size_t x, size_t y) { set_[y * width_ + x] = true; }
  bool At(size_t x, size_t y) const { return set_[y * width_ + x]; }

 private:
  size_t width_;
  std::vector<bool> set_;
};

/// `count` values that stand for all of them: means where there are more, in between where fewer.
std::vector<double> Resample(std::span<const double> points, size_t count) {
  std::vector<double> values(count);
  for (size_t i = 0; i < count; ++i) {
    if (points.size() > count) {
      const size_t from = i * points.size() / count;
      const size_t to = (i + 1) * points.size() / count;
      double sum = 0;
      for (size_t j = from; j < to; ++j) sum += points[j] / static_cast<double>(to - from);
      values[i] = sum;
    } else {
      const double at = count == 1
                            ? 0
                            : static_cast<double>(i) * static_cast<double>(points.size() - 1) /
                                  static_cast<double>(count - 1);
      const auto left = static_cast<size_t>(at);
      const size_t right = std::min(left + 1, points.size() - 1);
      const double part = at - static_cast<double>(left);
      values[i] = points[left] * (1 - part) + points[right] * part;
    }
  }
  return values;
}

Dots Plot(std::span<const double> points, size_t width, size_t height) {
  const std::vector<double> values = Resample(points, width);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  // Halves, because the difference of two finite numbers may not be one.
  const double range = *high / 2 - *low / 2;
  Dots dots(width, height);
  size_t before = 0;
  for (size_t x = 0; x < width; ++x) {
    const double share = range > 0 ? (values[x] / 2 - *low / 2) / range : 0.5;
    const auto y = static_cast<size_t>(
        std::lround((1 - std::clamp(share, 0.0, 1.0)) * static_cast<double>(height - 1)));
    if (x == 0) before = y;
    // A steep step is drawn through, half of it in each column.
    for (size_t i = std::min(before, y); i <= std::max(before, y); ++i) {
      const bool nearer_before = (i > y ? i - y : y - i) > (i > before ? i - before : before - i);
      dots.Set(nearer_before && x > 0 ? x - 1 : x, i);
    }
    before = y;
  }
  return dots;
}

std::string Braille(unsigned bits) {
  const unsigned code = 0x2800 + bits;
  return {static_cast<char>(0xE0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 0x3F)),
          static_cast<char>(0x80 | (code & 0x3F))};
}

unsigned BrailleBits(const Dots& dots, size_t column, size_t row) {
  constexpr unsigned kBit[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
  unsigned bits = 0;
  for (size_t y = 0; y < 4; ++y) {
    for (size_t x = 0; x < 2; ++x) {
      if (dots.At(column * 2 + x, row * 4 + y)) bits |= kBit[y][x];
    }
  }
  return bits;
}

}  // namespace

std::string ShortNumber(double value) {
  return fmt::format("{:.6g}", value);
}

std::string DrawLine(std::span<const double> points, size_t width, size_t height, bool unicode) {
  if (points.empty() || width == 0 || height == 0) return "";
  const Dots dots = unicode ? Plot(points, width * 2, height * 4) : Plot(points, width, height);
  std::string picture;
  for (size_t row = 0; row < height; ++row) {
    std::string line;
    size_t used = 0;
    for (size_t column = 0; column < width; ++column) {
      const unsigned bits = unicode ? BrailleBits(dots, column, row) : dots.At(column, row);
      line += bits == 0 ? " " : unicode ? Braille(bits) : "*";
      if (bits != 0) used = line.size();
    }
    picture += line.substr(0, used) + "\n";
  }
  return picture;
}

std::string DrawSeries(const Series& series, const Terminal& terminal) {
  const std::string name = ToValidUtf8(series.name());
  std::string text = terminal.color ? fmt::format("\x1b[1m{}\x1b[0m", name) : name;
  if (series.count() == 0) return text + "  no value found in the log\n";
  text += fmt::format("  first {}  last {}  min {}  max {}  ({} value{})\n",
                      ShortNumber(series.first()), ShortNumber(series.last()),
                      ShortNumber(series.min()), ShortNumber(series.max()), series.count(),
                      series.count() == 1 ? "" : "s");
  if (series.count() < 2) return text;

  const std::vector<double> points = series.Points();
  const auto [low, high] = std::minmax_element(points.begin(), points.end());
  const std::string top = ShortNumber(*high);
  const std::string bottom = ShortNumber(*low);
  const size_t margin = std::max(top.size(), bottom.size()) + 2;
  const size_t columns = std::min(static_cast<size_t>(std::max(terminal.width, 1)), kMaxColumns);
  const size_t width = columns > margin + 12 ? columns - margin - 2 : 10;
  const std::vector<std::string> rows =
      Split(DrawLine(points, width, kRows, terminal.unicode), '\n');
  for (size_t row = 0; row < kRows; ++row) {
    const std::string label = row == 0 ? top : row + 1 == kRows ? bottom : "";
    const bool tick = !label.empty();
    const std::string_view axis = terminal.unicode ? (tick ? "┤" : "│") : (tick ? "+" : "|");
    text += fmt::format("{:>{}} {}{}\n", label, margin, axis, rows[row]);
  }
  return text;
}

}  // namespace berth::platform
