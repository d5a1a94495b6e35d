#include "storage/names.h"

#include <gtest/gtest.h>

namespace berth::storage {
namespace {

const std::string kDo = ": rename it, or name a prefix without it";

std::string Refusal(std::string key, std::string_view prefix = "p/") {
  const auto name = LocalNameOf({"b", std::move(key)}, prefix);
  return name ? "taken" : name.error().message();
}

TEST(Names, EncodeEverythingButTheUnreserved) {
  EXPECT_EQ(EncodedPath("a b/ü+~%"), "a%20b/%C3%BC%2B~%25");
  EXPECT_EQ(EncodedQuery("a/b"), "a%2Fb");
}

TEST(Names, DecodeUndoesEncode) {
  std::string every;
  for (int c = 0; c < 256; ++c) every += static_cast<char>(c);
  EXPECT_EQ(Decoded(EncodedPath(every)), every);
  EXPECT_EQ(Decoded(EncodedQuery(every)), every);
  EXPECT_EQ(Decoded("a+b%2", true), "a b%2");
  EXPECT_EQ(Decoded("a+%zz%"), "a+%zz%");
}

TEST(Names, ObjectsBelowAPrefixKeepTheirPath) {
  EXPECT_EQ(LocalNameOf({"b", "p/x/ü y.bin"}, "p/")->path, "x/ü y.bin");
  EXPECT_EQ(LocalNameOf({"b", "p/x"}, "p")->path, "x");
  EXPECT_EQ(LocalNameOf({"b", "x"}, "")->path, "x");
  EXPECT_EQ(LocalNameOf({"b", "p"}, "p")->path, "");
}

TEST(Names, AnObjectThatEndsInASlashIsADirectory) {
  const auto folder = LocalNameOf({"b", "p/x/"}, "p/");
  ASSERT_TRUE(folder);
  EXPECT_TRUE(folder->directory);
  EXPECT_EQ(folder->path, "x");
  EXPECT_TRUE(LocalNameOf({"b", "p/"}, "p/")->directory);
  EXPECT_TRUE(LocalNameOf({"b", "p/"}, "p")->directory);
  EXPECT_FALSE(LocalNameOf({"b", "p/x"}, "p/")->directory);
}

TEST(Names, KeysThatLeaveTheDirectoryAreRefusedByName) {
  EXPECT_EQ(Refusal("p/../x"),
            "s3://b/p/../x cannot become a file: its key has the segment \"..\"" + kDo);
  EXPECT_EQ(Refusal("p/x/.."),
            "s3://b/p/x/.. cannot become a file: its key has the segment \"..\"" + kDo);
  EXPECT_EQ(Refusal("p/./x"),
            "s3://b/p/./x cannot become a file: its key has the segment \".\"" + kDo);
  EXPECT_EQ(Refusal("p//x"),
            "s3://b/p//x cannot become a file: its key has an empty segment" + kDo);
  EXPECT_EQ(Refusal("p//"), "s3://b/p// cannot become a file: its key has an empty segment" + kDo);
  EXPECT_EQ(Refusal("/x", ""),
            "s3://b//x cannot become a file: its key has an empty segment" + kDo);
  EXPECT_NE(Refusal("p/" + std::string(256, 'x')), "taken");
  EXPECT_NE(Refusal(std::string("p/a\0b", 5)), "taken");
  EXPECT_EQ(Refusal("p/..x/x.."), "taken");
}

TEST(Names, APrefixEndsWithASegment) {
  EXPECT_TRUE(Belongs("data/x", "data"));
  EXPECT_TRUE(Belongs("data", "data"));
  EXPECT_FALSE(Belongs("database/x", "data"));
  EXPECT_TRUE(Belongs("data/x", "data/"));
  EXPECT_TRUE(Belongs("x", ""));
}

TEST(Names, FilesThatCannotBeKeysAreRefusedByName) {
  EXPECT_EQ(ObjectOf("x/y", {"b", "p"})->key, "p/x/y");
  EXPECT_EQ(ObjectOf("x\xff", {"b", "p"}).error().message(),
            "\"x\xEF\xBF\xBD\" cannot be uploaded: its name is not UTF-8");
  EXPECT_FALSE(ObjectOf(std::string(1024, 'x'), {"b", "p"}));
}

}  // namespace
}  // namespace berth::storage
