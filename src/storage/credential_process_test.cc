#include "storage/credential_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace berth::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::chrono::steady_clock::time_point Soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(60);
}

TEST(CredentialProcess, CommandsHaveWordsAndQuotesAndNothingElseOfAShell) {
  EXPECT_THAT(WordsOf("  a  b\tc ").value(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(WordsOf(R"("a b" 'c "d' e"f"'g' "" x\ y)").value(),
              ElementsAre("a b", "c \"d", "efg", "", "x y"));
  EXPECT_THAT(WordsOf(R"("a\"b\\c\d" 'a\b')").value(), ElementsAre(R"(a"b\c\d)", R"(a\b)"));
  EXPECT_THAT(WordsOf("a > b; $c `d` | *").value(),
              ElementsAre("a", ">", "b;", "$c", "`d`", "|", "*"));
  EXPECT_FALSE(WordsOf(""));
  EXPECT_FALSE(WordsOf("  "));
  EXPECT_FALSE(WordsOf("a 'b"));
}

TEST(CredentialProcess, ReadsWhatIsPrinted) {
  const auto plain = ParsePrinted(R"({"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "s"})");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->access_key_id, "a");
  EXPECT_EQ(plain->secret_access_key, "s");
  EXPECT_EQ(plain->session_token, "");
  EXPECT_FALSE(plain->expires);
  const auto whole = ParsePrinted(
      R"({"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": "t",)"
      R"( "Expiration": "2100-01-01T00:00:00Z"})");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->session_token, "t");
  EXPECT_EQ(whole->expires->time_since_epoch(), std::chrono::seconds(4102444800));
}

TEST(CredentialProcess, RefusesAnythingElseAndRepeatsNothingOfIt) {
  for (const char* text :
       {"", "very-secret", "[1]", R"({"AccessKeyId": "a", "SecretAccessKey": "very-secret"})",
        R"({"Version": 2, "AccessKeyId": "a", "SecretAccessKey": "very-secret"})",
        R"({"Version": 1, "SecretAccessKey": "very-secret"})",
        R"({"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "very-secret",
            "Expiration": "very-secret"})",
        R"({"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "very-secret",
            "Expiration": "2000-01-01T00:00:00Z"})"}) {
    const auto printed = ParsePrinted(text);
    ASSERT_FALSE(printed) << text;
    EXPECT_THAT(printed.error().message(), Not(HasSubstr("very-secret")));
  }
}

TEST(CredentialProcess, RunsAndIsKilledWithWhatItStarted) {
  const char* json = R"({\"Version\": 1, \"AccessKeyId\": \"a\", \"SecretAccessKey\": \"s\"})";
  const auto run = RunCredentialProcess(std::string("printf %s \"") + json + "\"", Soon(), nullptr);
  ASSERT_TRUE(run) << run.error().message();
  EXPECT_EQ(run->secret_access_key, "s");
  // Something that holds its output open does not hold us.
  EXPECT_TRUE(RunCredentialProcess(std::string("sh -c \"sleep 60 & printf %s '") + json + "'\"",
                                   Soon(), nullptr));

  const auto late = RunCredentialProcess(
      "sleep 60", std::chrono::steady_clock::now() + std::chrono::milliseconds(1), nullptr);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().system_error(), ETIMEDOUT);
  const auto cancel = Cancellation::Make();
  ASSERT_TRUE(cancel);
  cancel->Cancel();
  const auto cancelled = RunCredentialProcess("sleep 60", Soon(), &*cancel);
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().system_error(), ECANCELED);
}

TEST(CredentialProcess, FailuresSayWhatHappened) {
  EXPECT_THAT(RunCredentialProcess("/no/such/program", Soon(), nullptr).error().message(),
              HasSubstr("cannot run \"/no/such/program\""));
  EXPECT_THAT(RunCredentialProcess("sh -c 'exit 3'", Soon(), nullptr).error().message(),
              HasSubstr("exit code 3"));
  EXPECT_THAT(RunCredentialProcess("yes", Soon(), nullptr).error().message(),
              HasSubstr("prints more"));
}

}  // namespace
}  // namespace berth::storage
