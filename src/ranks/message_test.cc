#include "ranks/message.h"

#include <gmock/gmock.h>

namespace berth::ranks {
namespace {

template <typename T>
void ReadsBack(const T& message) {
  const auto parsed = ParseMessage(Encode(RankMessage(message)));
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(std::get<T>(*parsed), message);
}

TEST(RankMessages, ReadBack) {
  ReadsBack(Hello{3, 1, 8});
  ReadsBack(Started{4711});
  ReadsBack(Ended{1, 0, false, "Traceback\nValueError: \xc3\xa4", "", ""});
  ReadsBack(Ended{127, 0, false, "", "no such program", ""});
  ReadsBack(Ended{0, 15, true, "", "", "prted"});
}

TEST(RankMessages, OfOtherBytesAreErrors) {
  using namespace std::string_literals;
  for (const std::string& bytes :
       {""s, "\0"s, "hello"s, "hello\0"s, "hello\0001\0002\0"s, "hello\0-1\0000\0001\0"s,
        "hello\0001\0002\0003\0004\0"s, "hello\0001 \0002\0003\0"s,
        "hello\00099999999999\0002\0003\0"s, "started\0001\0"s, "started\0000\0"s,
        "started\000-5\0"s, "ended\000256\0000\0000\0\0\0\0"s, "ended\0001\00065\0000\0\0\0\0"s,
        "ended\0001\0000\0002\0\0\0\0"s, "ended\0001\0000\0000\0\0\0"s, "run\0"s}) {
    EXPECT_FALSE(ParseMessage(bytes)) << ::testing::PrintToString(bytes);
  }
}

TEST(RankMessages, AnswersSayWhyNot) {
  EXPECT_TRUE(CheckAnswer(EncodeRun()));
  EXPECT_EQ(CheckAnswer(EncodeRefusal("full")).error().message(), "full");
  EXPECT_FALSE(CheckAnswer("rune"));
}

TEST(RankMessages, AProgramReadsBackWithEveryByteButNul) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  const RankProgram program{.argv = {"python3", "", all},
                            .directory = "/opt/ml/code",
                            .variables = {{"A", ""}, {"B", all}},
                            .kept = {"C"},
                            .overlay = true};
  const auto parsed = ParseProgram(Encode(program));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->argv, program.argv);
  EXPECT_EQ(parsed->directory, program.directory);
  EXPECT_EQ(parsed->variables, program.variables);
  EXPECT_EQ(parsed->kept, program.kept);
  EXPECT_TRUE(parsed->overlay);
  const std::string bytes = Encode(program);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParseProgram(std::string_view(bytes).substr(0, size)));
  }
}

}  // namespace
}  // namespace berth::ranks
