#include "launch/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/host_for_test.h"

namespace berth::launch {
namespace {

using testing::ElementsAre;

contract::TrainingEnvironment With(const char* name, json::Value value) {
  TestHost host;
  host.hyperparameters.Set(name, std::move(value));
  return host.surroundings().environment;
}

std::vector<std::string> Split(std::string_view text) {
  const auto words = SplitWords(text);
  return words ? *words : std::vector<std::string>{"error: " + words.error().message()};
}

TEST(SplitWords, SplitsAsAShellDoes) {
  EXPECT_THAT(Split(""), ElementsAre());
  EXPECT_THAT(Split(" -x  A=B\n--mca a b "), ElementsAre("-x", "A=B", "--mca", "a", "b"));
  EXPECT_THAT(Split(R"(-x A="1 2" -x 'B=$x "y"')"), ElementsAre("-x", "A=1 2", "-x", "B=$x \"y\""));
  EXPECT_THAT(Split(R"("" '' a\ b "\"\\\n")"), ElementsAre("", "", "a b", "\"\\\\n"));
}

TEST(SplitWords, ExpandsNothing) {
  EXPECT_THAT(Split("$HOME `id` $(id) *; a|b"), ElementsAre("$HOME", "`id`", "$(id)", "*;", "a|b"));
}

TEST(SplitWords, AnOpenQuoteIsAnError) {
  EXPECT_THAT(Split("a 'b"), ElementsAre("error: a ' is not closed"));
  EXPECT_THAT(Split("a \"b"), ElementsAre("error: a \" is not closed"));
  EXPECT_THAT(Split("a \\"), ElementsAre("error: it ends with a backslash"));
}

TEST(Settings, ASwitchIsABooleanOrItsWord) {
  const auto on = [](json::Value value) {
    const auto result =
        SwitchedOn(With("sagemaker_mpi_enabled", std::move(value)), "sagemaker_mpi_enabled");
    return result ? (*result ? "on" : "off") : result.error().message();
  };
  EXPECT_EQ(on("true"), "on");
  EXPECT_EQ(on(true), "on");
  EXPECT_EQ(on("True"), "on");
  EXPECT_EQ(on("1"), "on");
  EXPECT_EQ(on("false"), "off");
  EXPECT_EQ(on("False"), "off");
  EXPECT_EQ(on("0"), "off");
  EXPECT_EQ(on("null"), "off");
  EXPECT_EQ(on("yes please"),
            "hyperparameter sagemaker_mpi_enabled is \"yes please\": expected true or false");
  EXPECT_FALSE(*SwitchedOn(With("x", 1), "sagemaker_mpi_enabled"));
}

TEST(Settings, ANumberIsWholeAndAtLeastOne) {
  const auto number = [](json::Value value) -> std::string {
    const auto result = PositiveNumber(With("sagemaker_mpi_num_processes", std::move(value)),
                                       "sagemaker_mpi_num_processes");
    if (!result) return result.error().message();
    return *result ? std::to_string(**result) : "none";
  };
  EXPECT_EQ(number("8"), "8");
  EXPECT_EQ(number("null"), "none");
  constexpr const char* kExpected = ": expected a whole number of at least 1";
  for (const char* bad : {"0", "-1", "1.5", "[1]", "99999999999"}) {
    EXPECT_EQ(number(bad),
              std::string("hyperparameter sagemaker_mpi_num_processes is ") + bad + kExpected);
  }
}

TEST(Settings, OptionsAreTextOrAnArray) {
  const auto words = [](json::Value value) {
    const auto result = Words(With("sagemaker_o", std::move(value)), "sagemaker_o");
    return result ? *result : std::vector<std::string>{result.error().message()};
  };
  EXPECT_THAT(words("\"-x A=B\""), ElementsAre("-x", "A=B"));
  EXPECT_THAT(words("-x A='B C'"), ElementsAre("-x", "A=B C"));
  EXPECT_THAT(words("[\"-x\", \"A=B C\", 7]"), ElementsAre("-x", "A=B C", "7"));
  EXPECT_THAT(words("null"), ElementsAre());
  EXPECT_THAT(words("7"), ElementsAre("hyperparameter sagemaker_o is 7: expected options as text "
                                      "(\"-x A=B --mca a b\")"));
  EXPECT_THAT(words("-x 'A"),
              ElementsAre("hyperparameter sagemaker_o is \"-x 'A\": expected options "
                          "as in a shell, but a ' is not closed"));
}

TEST(Settings, ProcessesPerHostAreTheParameterElseGpusElseNeuronCoresElseOne) {
  TestHost host;
  EXPECT_EQ(*ProcessesPerHost(host.surroundings().environment), 1);
  host.neurons = 32;
  EXPECT_EQ(*ProcessesPerHost(host.surroundings().environment), 32);
  host.gpus = 8;
  EXPECT_EQ(*ProcessesPerHost(host.surroundings().environment), 8);
  host.hyperparameters.Set("sagemaker_mpi_num_of_processes_per_host", "3");
  EXPECT_EQ(*ProcessesPerHost(host.surroundings().environment), 3);
}

}  // namespace
}  // namespace berth::launch
