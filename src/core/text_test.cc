#include "core/text.h"

#include <gtest/gtest.h>

namespace berth {
namespace {

TEST(Text, SplitKeepsEmptyPartsAndJoinUndoesIt) {
  const auto parts = Split("a,,b,", ',');
  EXPECT_EQ(parts, (std::vector<std::string>{"a", "", "b", ""}));
  EXPECT_EQ(Join(parts, ","), "a,,b,");
}

TEST(Text, TrimTakesOnlyBlanksAtTheEnds) {
  EXPECT_EQ(Trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(Trim(" \n"), "");
}

TEST(Text, ShellQuotedSurvivesAShell) {
  EXPECT_EQ(ShellQuoted("train.py"), "train.py");
  EXPECT_EQ(ShellQuoted(""), "''");
  EXPECT_EQ(ShellQuoted("a b"), "'a b'");
  EXPECT_EQ(ShellQuoted("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellQuoted("$(x)"), "'$(x)'");
}

TEST(Text, InvalidUtf8IsFoundWhereItStands) {
  EXPECT_EQ(FirstInvalidUtf8("gr\xC3\xBC\xC3\x9F"), std::nullopt);
  EXPECT_EQ(FirstInvalidUtf8("ab\xff"), 2u);
  EXPECT_EQ(FirstInvalidUtf8("\xC0\x80"), 0u);          // overlong
  EXPECT_EQ(FirstInvalidUtf8("a\xED\xA0\x80"), 1u);     // surrogate
  EXPECT_EQ(FirstInvalidUtf8("\xF4\x90\x80\x80"), 0u);  // beyond U+10FFFF
  EXPECT_EQ(FirstInvalidUtf8("\xE2\x82"), 0u);          // cut short
}

TEST(Text, ToValidUtf8NeverCutsACharacter) {
  EXPECT_EQ(ToValidUtf8("a\xff\x62"), "a\xEF\xBF\xBD\x62");
  EXPECT_EQ(ToValidUtf8("\xC3\xBC\xC3\xBC", 3), "\xC3\xBC");
}

TEST(Text, NearestFindsASlipAndNothingFarOff) {
  const std::vector<std::string> commands = {"train", "serve", "env", "run", "local"};
  EXPECT_EQ(Nearest("trian", commands), "train");
  EXPECT_EQ(Nearest("serv", commands), "serve");
  EXPECT_EQ(Nearest("xyzzy", commands), std::nullopt);
}

}  // namespace
}  // namespace berth
