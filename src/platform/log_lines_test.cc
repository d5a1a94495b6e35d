#include "platform/log_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace berth::platform {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LogLinesTest : public testing::Test {
 protected:
  void Feed(std::string_view bytes) {
    lines_.Feed(bytes, [this](std::string_view line) { seen_.emplace_back(line); });
  }
  void Finish() {
    lines_.Finish([this](std::string_view line) { seen_.emplace_back(line); });
  }
  LogLines lines_;
  std::vector<std::string> seen_;
};

TEST_F(LogLinesTest, AreWhole) {
  Feed("one\ntw");
  EXPECT_THAT(seen_, ElementsAre("one"));
  Feed("o\n\nthree");
  EXPECT_THAT(seen_, ElementsAre("one", "two", ""));
  Finish();
  EXPECT_THAT(seen_, ElementsAre("one", "two", "", "three"));
  Finish();
  EXPECT_EQ(seen_.size(), 4U);
}

TEST_F(LogLinesTest, KeepCarriageReturns) {
  Feed(" 10%\r 20%\r\n");
  EXPECT_THAT(seen_, ElementsAre(" 10%\r 20%\r"));
}

TEST_F(LogLinesTest, AreOfBoundedLength) {
  const std::string most(LogLines::kMaxLine, 'x');
  Feed(most.substr(1));
  EXPECT_THAT(seen_, IsEmpty());
  Feed("xyz\n");
  EXPECT_THAT(seen_, ElementsAre(most, "yz"));
  seen_.clear();
  Feed(most + most + "e");
  Finish();
  EXPECT_THAT(seen_, ElementsAre(most, most, "e"));
}

TEST_F(LogLinesTest, OfTheGreatestLengthAreOne) {
  const std::string most(LogLines::kMaxLine, 'x');
  Feed(most + "\n");
  EXPECT_THAT(seen_, ElementsAre(most));
}

}  // namespace
}  // namespace berth::platform
