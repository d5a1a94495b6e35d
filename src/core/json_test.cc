#include "core/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>

namespace berth::json {
namespace {

Value Parsed(std::string_view text) {
  Result<Value> value = Parse(text);
  EXPECT_TRUE(value) << text << ": " << (value ? "" : value.error().message());
  return value ? *value : Value();
}

std::string ErrorOf(std::string_view text) {
  const Result<Value> value = Parse(text);
  return value ? "no error" : value.error().message();
}

/// Parsed and written again, as SM_* variables are.
std::string Again(std::string_view text) {
  return Dump(Parsed(text));
}

TEST(JsonTest, IntegersKeepEveryDigit) {
  const std::string big = "-123456789012345678901234567890123456789012345678901234567890";
  EXPECT_EQ(Again(big), big);
  EXPECT_EQ(Again("0"), "0");
  EXPECT_EQ(Again("-0"), "0");
  EXPECT_EQ(*Parsed("12").AsInteger(), Integer{"12"});
}

TEST(JsonTest, IntegersOfMoreThan4300DigitsAreAnErrorAsInPython) {
  EXPECT_EQ(Again("-" + std::string(4300, '1')), "-" + std::string(4300, '1'));
  EXPECT_EQ(ErrorOf(std::string(4301, '1')),
            "line 1, column 1: expected an integer of at most 4300 digits, found one of 4301");
}

TEST(JsonTest, FloatsAreWrittenAsPythonsReprDoes) {
  EXPECT_EQ(Again("[1e-7,0.1,1e16,1e15,0.0001,0.00001,123456789012345680.0,1.5e300,100.0,-0.0]"),
            "[1e-07,0.1,1e+16,1000000000000000.0,0.0001,1e-05,1.2345678901234568e+17,1.5e+300,"
            "100.0,-0.0]");
  EXPECT_EQ(Again("[5e-324,2.2250738585072014e-308,1.7976931348623157e308,0.30000000000000004]"),
            "[5e-324,2.2250738585072014e-308,1.7976931348623157e+308,0.30000000000000004]");
  EXPECT_EQ(Again("[0E0, 1E+2, 9007199254740993.0, 12.50]"), "[0.0,100.0,9007199254740992.0,12.5]");
  EXPECT_EQ(FloatRepr(std::numeric_limits<double>::quiet_NaN()), "nan");
  EXPECT_EQ(FloatRepr(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(JsonTest, FloatsOutOfRangeBecomeInfinityOrZero) {
  EXPECT_EQ(Again("[1e400,-1e400,1e-400,-1e-400]"), "[Infinity,-Infinity,0.0,-0.0]");
  EXPECT_EQ(Again("[1e99999999999999999999,1e-99999999999999999999,0e99999999999999999999]"),
            "[Infinity,0.0,0.0]");
  EXPECT_EQ(Again("0." + std::string(400, '0') + "1e401"), "1.0");
  EXPECT_EQ(Again("0." + std::string(400, '0') + "1e10"), "0.0");
  EXPECT_EQ(Again("1" + std::string(400, '0') + "e-400"), "1.0");
  EXPECT_EQ(Again("1" + std::string(400, '0') + ".5"), "Infinity");
  EXPECT_EQ(Again("1" + std::string(800, '0') + "e-400"), "Infinity");
}

TEST(JsonTest, NanAndInfinityAreValues) {
  EXPECT_EQ(Again("[NaN,Infinity,-Infinity]"), "[NaN,Infinity,-Infinity]");
  EXPECT_EQ(Parsed("NaN"), Parsed("NaN"));
  EXPECT_EQ(ErrorOf("-NaN"), "line 1, column 1: expected a value, found \"-NaN\"");
}

TEST(JsonTest, ARepeatedKeysLastValueWinsInTheFirstsPlace) {
  EXPECT_EQ(DumpPython(Parsed(R"({"b":1,"a":2,"b":3,"c":4,"a":5,"b":6})")),
            R"({"b": 6, "a": 5, "c": 4})");
}

TEST(JsonTest, DumpSortsByCodePointAndEscapesAsPython) {
  EXPECT_EQ(Again(R"({"é":1,"z":2,"\ud83d\ude00":3,"\uffff":4,"":5})"),
            R"({"":5,"z":2,"\u00e9":1,"\uffff":4,"\ud83d\ude00":3})");
  EXPECT_EQ(Again(R"("\u0000\u001f\b\f\n\r\t\"\\\/\u007f\u0080")"),
            "\"\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\\u007f\\u0080\"");
}

TEST(JsonTest, LoneSurrogatesSurvive) {
  EXPECT_EQ(Again(R"("\ud800")"), R"("\ud800")");
  EXPECT_EQ(Again(R"("\ud800x\udc00")"), R"("\ud800x\udc00")");
  EXPECT_EQ(Again(R"("\udc00\ud800")"), R"("\udc00\ud800")");
  EXPECT_EQ(Again(R"("\ud800\ud83d\ude00")"), R"("\ud800\ud83d\ude00")");
  EXPECT_EQ(*Parsed(R"("\udc80")").AsString(), "\xED\xB2\x80");
  EXPECT_EQ(*Parsed(R"("\uD83D\uDE00")").AsString(), "\xF0\x9F\x98\x80");
}

TEST(JsonTest, TextThatWasAStringMayHoldLoneSurrogates) {
  const std::string raw = "\"\xED\xA0\x80\"";
  EXPECT_EQ(ErrorOf(raw), "line 1, column 2: expected UTF-8 text, found the byte 0xed");
  ASSERT_TRUE(ParseDecoded(raw));
  EXPECT_EQ(Dump(*ParseDecoded(raw)), R"("\ud800")");
  // Two halves that were apart stay apart.
  EXPECT_EQ(Dump(*ParseDecoded("\"\xED\xA0\xBD\\ude00\"")), R"("\ud83d\ude00")");
  EXPECT_EQ(ParseDecoded("\"\xED\xA0\xBD\\ude00\"")->AsString()->size(), 6u);
}

TEST(JsonTest, ErrorsSayLineColumnExpectedAndFound) {
  EXPECT_EQ(ErrorOf(""), "line 1, column 1: expected a value, found the end of the text");
  EXPECT_EQ(ErrorOf("{\n  \"a\": 1,\n}"), "line 3, column 1: expected a name in '\"', found \"}\"");
  EXPECT_EQ(ErrorOf("{a: 1}"), "line 1, column 2: expected a name in '\"' or '}', found \"a\"");
  EXPECT_EQ(ErrorOf("{\"a\" 1}"), "line 1, column 6: expected ':', found \"1\"");
  EXPECT_EQ(ErrorOf("{\"a\": 1 \"b\"}"), "line 1, column 9: expected ',' or '}', found '\"'");
  EXPECT_EQ(ErrorOf("[1,]"), "line 1, column 4: expected a value, found \"]\"");
  EXPECT_EQ(ErrorOf("[1 2]"), "line 1, column 4: expected ',' or ']', found \"2\"");
  EXPECT_EQ(ErrorOf("[\"é\", truE]"), "line 1, column 7: expected a value, found \"truE\"");
  EXPECT_EQ(ErrorOf("[1"), "line 1, column 3: expected ',' or ']', found the end of the text");
  EXPECT_EQ(ErrorOf("1 x"), "line 1, column 3: expected the end of the text, found \"x\"");
  EXPECT_EQ(ErrorOf("01"), "line 1, column 2: expected the end of the text, found \"1\"");
  EXPECT_EQ(ErrorOf("1."), "line 1, column 2: expected the end of the text, found \".\"");
  EXPECT_EQ(ErrorOf("1e+"), "line 1, column 2: expected the end of the text, found \"e+\"");
  EXPECT_EQ(ErrorOf("-"), "line 1, column 1: expected a value, found \"-\"");
  EXPECT_EQ(ErrorOf("\"abc"),
            "line 1, column 1: expected a string with an end, found one without a closing '\"'");
  EXPECT_EQ(ErrorOf("\"a\nb\""),
            "line 1, column 3: expected an escape such as \\n inside a string, found the control "
            "character \\x0a");
  EXPECT_EQ(ErrorOf(R"("\x")"),
            R"(line 1, column 2: expected one of the escapes \" \\ \/ \b \f \n \r \t \uXXXX, )"
            R"(found "\")");
  EXPECT_EQ(ErrorOf(R"("\u12g4")"),
            "line 1, column 4: expected four hexadecimal digits, found \"12g4\"");
  EXPECT_EQ(ErrorOf("\xEF\xBB\xBF{}"),
            "line 1, column 1: expected a value, found a byte-order mark (save the file as UTF-8 "
            "without one)");
  EXPECT_EQ(ErrorOf("{\"a\":\n\"\xFF\"}"),
            "line 2, column 2: expected UTF-8 text, found the byte 0xff");
  EXPECT_EQ(ErrorOf("\xC2\xA0 1"), "line 1, column 1: expected a value, found \"\xC2\xA0\"");
  EXPECT_EQ(ErrorOf("\f1"),
            "line 1, column 1: expected a value, found the control character \\x0c");
}

TEST(JsonTest, DeepNestingIsAnErrorNotACrash) {
  const std::string deepest = std::string(kMaxDepth, '[') + std::string(kMaxDepth, ']');
  EXPECT_EQ(Again(deepest), deepest);
  EXPECT_EQ(ErrorOf(std::string(1'000'000, '[')),
            "line 1, column 1001: expected at most 1000 levels of nesting, found one level more");
  std::string flat = "[";
  for (int i = 0; i < 2000; ++i) flat += "[[]],";
  EXPECT_TRUE(Parse(flat + "{}]"));
}

TEST(JsonTest, AnObjectOfManyKeysIsReadInLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 300'000; ++i) text += "\"key" + std::to_string(i % 200'000) + "\":1,";
  text += "\"last\":2}";
  // Looking each key up among all others would take minutes.
  EXPECT_EQ(Parsed(text).AsObject()->size(), 200'001u);
}

TEST(JsonTest, PrettyIsForEveryReader) {
  EXPECT_EQ(DumpPretty(Parsed(R"({"b":[1,{"x":null}],"a":"é\ud800\n","n":NaN,"e":{},"l":[]})")),
            "{\n  \"b\": [\n    1,\n    {\n      \"x\": null\n    }\n  ],\n  \"a\": "
            "\"é\\ud800\\n\",\n  \"n\": null,\n  \"e\": {},\n  \"l\": []\n}");
}

TEST(JsonTest, ObjectsAreEditedInPlace) {
  Object object{{"a", 1}, {"b", "two"}};
  object.Set("a", 3.5);
  object.Set("c", true);
  object.Erase("b");
  EXPECT_EQ(DumpPython(object), R"({"a": 3.5, "c": true})");
  EXPECT_TRUE(object.Contains("c"));
  EXPECT_EQ(object.Find("b"), nullptr);
  EXPECT_EQ(object, (Object{{"a", 3.5}, {"c", true}}));
}

TEST(JsonTest, EqualityIsOfTypeAndValue) {
  EXPECT_NE(Value(1), Value(1.0));
  EXPECT_NE(Value(0.0), Value(-0.0));
  EXPECT_EQ(Value(Array{1, "x", Null{}}), Value(Array{1, "x", Null{}}));
  EXPECT_EQ(Value(-5LL).AsInteger()->digits, "-5");
  EXPECT_EQ(Value().TypeName(), "null");
  EXPECT_EQ(Value(1.5).TypeName(), "a number");
}

}  // namespace
}  // namespace berth::json
