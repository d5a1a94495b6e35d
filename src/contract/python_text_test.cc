#include "contract/python_text.h"

#include <gtest/gtest.h>

namespace berth::contract {
namespace {

std::string Repr(std::string_view json) {
  return PythonRepr(*json::Parse(json));
}

TEST(PythonTextTest, ReprOfNestedValuesIsPythons) {
  EXPECT_EQ(Repr(R"([1, 2, {"b": null, "a": [true, false]}, [], {}, 1e-7, NaN, -Infinity])"),
            "[1, 2, {'b': None, 'a': [True, False]}, [], {}, 1e-07, nan, -inf]");
}

TEST(PythonTextTest, ReprOfTextChoosesQuotesAndEscapes) {
  EXPECT_EQ(Repr(R"("plain")"), "'plain'");
  EXPECT_EQ(Repr(R"("it's")"), "\"it's\"");
  EXPECT_EQ(Repr(R"("it's \"it\"")"), "'it\\'s \"it\"'");
  EXPECT_EQ(Repr(R"("\\\n\r\t\u0000\u007f")"), R"('\\\n\r\t\x00\x7f')");
  EXPECT_EQ(Repr(R"("\u00a0\u00e9\u00ad\u2028\u4e2d\ud800\udbff\udfff\ud83d\ude00")"),
            "'\\xa0é\\xad\\u2028中\\ud800\\U0010ffff😀'");
  // The last assigned and the first unassigned letter of a block of Unicode 14.
  EXPECT_EQ(Repr(R"("\u0377\u0378")"), "'\xCD\xB7\\u0378'");
}

TEST(PythonTextTest, StrOfTextIsTheTextItself) {
  EXPECT_EQ(PythonStr(json::Value("it's")), "it's");
  EXPECT_EQ(PythonStr(json::Value(true)), "True");
  EXPECT_EQ(PythonStr(json::Value()), "None");
}

TEST(PythonTextTest, UpperIsTheFullMappingOfUnicode) {
  EXPECT_EQ(PythonUpper("lr-Rate_1"), "LR-RATE_1");
  EXPECT_EQ(PythonUpper("straße"), "STRASSE");
  EXPECT_EQ(PythonUpper("ÿāźʼnǰſ"), "ŸĀŹʼNJ̌S");
  EXPECT_EQ(PythonUpper("\uFB03\u0390"), "FFI\u0399\u0308\u0301");
  EXPECT_EQ(PythonUpper("абвῼ𐐨ა"), "АБВΩΙ𐐀Ა");
  EXPECT_EQ(PythonUpper("\xED\xA0\x80"), "\xED\xA0\x80");
}

TEST(PythonTextTest, TruthIsPythons) {
  for (const char* json : {"null", "false", "0", "-0.0", R"("")", "[]", "{}"}) {
    EXPECT_FALSE(PythonBool(*json::Parse(json))) << json;
  }
  for (const char* json : {"true", "1", "0.1", "NaN", R"("false")", "[0]", R"({"":0})"}) {
    EXPECT_TRUE(PythonBool(*json::Parse(json))) << json;
  }
}

TEST(PythonTextTest, PathsAreJoinedAsPythonJoinsThem) {
  EXPECT_EQ(PythonJoin("/a", "b"), "/a/b");
  EXPECT_EQ(PythonJoin("/a/", "b"), "/a/b");
  EXPECT_EQ(PythonJoin("/a", ""), "/a/");
  EXPECT_EQ(PythonJoin("/a", "/b"), "/b");
  EXPECT_EQ(PythonJoin("", "b"), "b");
}

}  // namespace
}  // namespace berth::contract
