#include "platform/curve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/text.h"

namespace berth::platform {
namespace {

TEST(Curve, RisesFromTheBottomLeftToTheTopRight) {
  const std::vector<double> points = {0, 1, 2, 3, 4};
  EXPECT_EQ(DrawLine(points, 5, 5, false),
            "    *\n"
            "   *\n"
            "  *\n"
            " *\n"
            "*\n");
}

TEST(Curve, DrawsASteepStepThrough) {
  EXPECT_EQ(DrawLine(std::vector<double>{0, 0, 1, 1}, 4, 4, false),
            "  **\n"
            "  *\n"
            " *\n"
            "**\n");
}

TEST(Curve, DrawsEightDotsACharacterInUnicode) {
  EXPECT_EQ(DrawLine(std::vector<double>{0, 1, 2, 3}, 2, 1, true), "⡠⠊\n");
}

TEST(Curve, OfEqualValuesIsALineInTheMiddle) {
  EXPECT_EQ(DrawLine(std::vector<double>{7, 7}, 3, 3, false), "\n***\n\n");
}

TEST(Curve, TakesExtremeValues) {
  const double most = std::numeric_limits<double>::max();
  const std::string picture = DrawLine(std::vector<double>{-most, most}, 10, 4, true);
  EXPECT_EQ(Split(picture, '\n').size(), 5U);
  EXPECT_EQ(DrawLine({}, 10, 4, true), "");
}

TEST(Curve, IsAsWideAsAskedWhateverTheNumberOfPoints) {
  for (const size_t count : {1U, 2U, 3U, 79U, 80U, 81U, 10'000U}) {
    std::vector<double> points;
    points.reserve(count);
    for (size_t i = 0; i < count; ++i) points.push_back(std::sin(static_cast<double>(i)));
    for (const std::string& row : Split(DrawLine(points, 80, 6, false), '\n')) {
      EXPECT_LE(row.size(), 80U) << count;
    }
  }
}

TEST(DrawSeries, NamesItsBounds) {
  Series series("loss");
  series.Add(2.5, Time{});
  series.Add(0.5, Time{});
  EXPECT_EQ(DrawSeries(series, {.width = 24}),
            "loss  first 2.5  last 0.5  min 0.5  max 2.5  (2 values)\n"
            "  2.5 +**\n"
            "      |  ***\n"
            "      |     ***\n"
            "      |        ****\n"
            "      |            ***\n"
            "  0.5 +               **\n");
}

TEST(DrawSeries, SaysWhereThereIsNothingToDraw) {
  Series series("loss");
  EXPECT_EQ(DrawSeries(series, {}), "loss  no value found in the log\n");
  series.Add(1, Time{});
  EXPECT_EQ(DrawSeries(series, {}), "loss  first 1  last 1  min 1  max 1  (1 value)\n");
}

}  // namespace
}  // namespace berth::platform
