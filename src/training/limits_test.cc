#include "training/limits.h"

#include <gtest/gtest.h>

namespace berth::training {
namespace {

using std::chrono::milliseconds;

TEST(Limits, AreSecondsAndTheUsualWhereTheyAreNone) {
  const milliseconds usual{7000};
  const auto of = [&](const char* text) { return SecondsOf({{"LIMIT", text}}, "LIMIT", usual); };
  EXPECT_EQ(of("0"), milliseconds(0));
  EXPECT_EQ(of("1.5"), milliseconds(1500));
  EXPECT_EQ(of("86400"), milliseconds(86'400'000));
  for (const char* text : {"", "x", "1s", "-1", "nan", "inf", "86401"}) {
    EXPECT_EQ(of(text), usual) << text;
  }
  EXPECT_EQ(SecondsOf({}, "LIMIT", usual), usual);
}

}  // namespace
}  // namespace berth::training
