#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/test_inputs.h"
#include "contract/training_environment.h"

namespace berth::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kMany[] = R"({
  "z": "1e-7", "batch-size": "32", "é": "true", "": "empty name", "none": "null",
  "object": "{\"b\": null, \"a\": [1, 'x']}", "nested": "{\"b\": null, \"a\": [1, \"x\", {\"c\": NaN}]}",
  "list": "[1, 2, {\"b\": null}]", "text": "a \"b\" $HOME; echo *\n", "q": "\"quoted\""})";

TEST(ArgumentsTest, ClassicOnesAreSortedAndPrintedAsPythonDoes) {
  EXPECT_THAT(ToArguments(Environment(WithHyperparameters(kMany))),
              ElementsAre("", "empty name", "--batch-size", "32", "--list", "[1, 2, {'b': None}]",
                          "--nested", "a=[1, 'x', {'c': nan}],b=None", "--none", "", "--object",
                          "{\"b\": null, \"a\": [1, 'x']}", "-q", "quoted", "--text",
                          "a \"b\" $HOME; echo *\n", "-z", "1e-07", "-é", "True"));
}

TEST(ArgumentsTest, VersionThreeKeepsTheOrderAndWritesJson) {
  EXPECT_THAT(
      ToArgumentsV3(Environment(WithHyperparameters(kMany))),
      ElementsAre("--z", "1e-07", "--batch-size", "32", "--é", "true", "--", "empty name", "--none",
                  "null", "--object", "{\"b\": null, \"a\": [1, 'x']}", "--nested",
                  R"({"b": null, "a": [1, "x", {"c": NaN}]})", "--list", R"([1, 2, {"b": null}])",
                  "--text", "a \"b\" $HOME; echo *\n", "--q", "quoted"));
}

TEST(ArgumentsTest, ReservedAndFrameworkParametersAreNoArguments) {
  EXPECT_THAT(ToArguments(Environment(WithHyperparameters(
                  R"({"sagemaker_program": "a.py", "sagemaker_anything": "1",
                      "_tuning_objective_metric": "m"})"))),
              IsEmpty());
}

TEST(ArgumentsTest, EscapedBytesBecomeBytesAgain) {
  const Inputs inputs = WithHyperparameters(R"({"\udcff": "\udc80", "list": ["\udc80"]})");
  EXPECT_THAT(ToArguments(Environment(inputs)),
              ElementsAre("--list", R"(['\udc80'])", "-\xFF", "\x80"));
}

}  // namespace
}  // namespace berth::contract
