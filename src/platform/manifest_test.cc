#include "platform/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::platform {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Fault(std::string_view text) {
  const auto manifest = ParseManifest(text);
  return manifest ? "none" : manifest.error().message();
}

std::string AugmentedFault(std::string_view text, const std::vector<std::string>& attributes) {
  const auto lines = ParseAugmentedManifest(text, attributes);
  return lines ? "none" : lines.error().message();
}

TEST(Manifest, IsAPrefixAndNames) {
  const auto manifest = ParseManifest(R"([{"prefix": "s3://b/d/"}, "a", "sub/ü"])");
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->prefix, "s3://b/d/");
  EXPECT_THAT(manifest->suffixes, ElementsAre("a", "sub/ü"));
}

TEST(Manifest, OfAnotherShapeIsSaidSo) {
  EXPECT_THAT(Fault("3"), HasSubstr("expected [{\"prefix\": "));
  EXPECT_THAT(Fault("[]"), HasSubstr("an array without a prefix"));
  EXPECT_THAT(Fault(R"(["a"])"), HasSubstr("an array without a prefix"));
  EXPECT_THAT(Fault(R"([{"prefix": "b/d/"}, "a"])"), HasSubstr("must name a prefix"));
  EXPECT_THAT(Fault(R"([{"prefix": "s3://b/"}, "a", 1])"), HasSubstr("element 2 must be a name"));
  EXPECT_THAT(Fault(R"([{"prefix": "s3://b/"}, ""])"), HasSubstr("an empty string"));
  EXPECT_THAT(Fault(R"([{"prefix": "s3://b/"}])"), HasSubstr("names no object"));
  EXPECT_THAT(Fault("["), HasSubstr("line 1"));
  EXPECT_THAT(Fault("{\"a-ref\": \"s3://b/1\"}\n{\"a-ref\": \"s3://b/2\"}\n"),
              HasSubstr("AugmentedManifestFile"));
}

TEST(AugmentedManifest, GivesTheAttributesInTheOrderAskedFor) {
  const auto lines = ParseAugmentedManifest(
      "{\"n\": 1, \"x-ref\": \"s3://b/1\", \"s\": \"té\\n\"}\n\n"
      "{\"s\": {\"b\": [1.5, null]}, \"n\": true, \"x-ref\": \"s3://b/2\"}",
      {"x-ref", "s", "n"});
  ASSERT_TRUE(lines) << lines.error().message();
  EXPECT_THAT(*lines,
              ElementsAre(ElementsAre(ManifestPart{true, "s3://b/1"}, ManifestPart{false, "té\n"},
                                      ManifestPart{false, "1"}),
                          ElementsAre(ManifestPart{true, "s3://b/2"},
                                      ManifestPart{false, R"({"b":[1.5,null]})"},
                                      ManifestPart{false, "true"})));
}

TEST(AugmentedManifest, FaultsNameTheLine) {
  EXPECT_EQ(AugmentedFault("{\"a\":1}\n{\"b\":1}\n", {"a"}), "line 2: has no attribute \"a\"");
  EXPECT_EQ(AugmentedFault("[]", {"a"}), "line 1: must be an object, found an array");
  EXPECT_EQ(AugmentedFault("{\"a-ref\":\"x\"}", {"a-ref"}),
            "line 1: \"a-ref\" must be an s3:// address, found \"x\"");
  EXPECT_THAT(AugmentedFault("\n{", {"a"}), HasSubstr("line 2: "));
  EXPECT_EQ(AugmentedFault("\n", {"a"}), "it has no lines");
}

}  // namespace
}  // namespace berth::platform
