#include "platform/attend.h"

#include <gtest/gtest.h>

#include "platform/summary.h"

namespace berth::platform {
namespace {

TEST(StatusLine, NamesTheLatestOfEachMetric) {
  Series loss("loss");
  loss.Add(1, Time{});
  loss.Add(0.25, Time{});
  EXPECT_EQ(StatusLine("job", "Training", std::chrono::seconds(62), {loss, Series("acc")}),
            "job  Training 1:02  loss 0.25");
}

TEST(ElapsedText, GrowsHours) {
  EXPECT_EQ(ElapsedText(std::chrono::seconds(7)), "0:07");
  EXPECT_EQ(ElapsedText(std::chrono::seconds(3599)), "59:59");
  EXPECT_EQ(ElapsedText(std::chrono::seconds(10801)), "3:00:01");
}

TEST(SizeText, HasThreeDigits) {
  EXPECT_EQ(SizeText(0), "0 B");
  EXPECT_EQ(SizeText(999), "999 B");
  EXPECT_EQ(SizeText(1234), "1.23 kB");
  EXPECT_EQ(SizeText(999'999), "1 MB");
}

}  // namespace
}  // namespace berth::platform
