#include "platform/placement.h"

#include <gtest/gtest.h>

namespace berth::platform {
namespace {

Item Object(std::string key, std::string name, uint64_t size = 1) {
  const bool folder = name.ends_with('/');
  if (folder) name.pop_back();
  return {.bucket = "b",
          .object = {.key = std::move(key), .size = size, .etag = {}},
          .name = std::move(name),
          .folder = folder};
}

std::string Problem(std::vector<Item> items) {
  const auto placed = Place(std::move(items));
  return placed ? "none" : placed.error().message();
}

TEST(Placement, KeepsFilesInTheirOrderAndFoldersApart) {
  const auto placed = Place(
      {Object("d/z", "z"), Object("d/", "/", 0), Object("d/a/b", "a/b"), Object("d/e/", "e/", 0)});
  ASSERT_TRUE(placed) << placed.error().message();
  ASSERT_EQ(placed->files.size(), 2u);
  EXPECT_EQ(placed->files[0].name, "z");
  EXPECT_EQ(placed->files[1].name, "a/b");
  EXPECT_EQ(placed->folders, std::vector<std::string>{"e"});
}

TEST(Placement, TakesTheSameObjectTwiceAsOne) {
  const auto placed = Place({Object("a", "a"), Object("a", "a")});
  ASSERT_TRUE(placed);
  EXPECT_EQ(placed->files.size(), 1u);
}

TEST(Placement, RefusesTwoObjectsOfOneName) {
  EXPECT_EQ(Problem({Object("x/a", "a"), Object("y/a", "a")}),
            "cannot place s3://b/y/a: \"a\" is the name of s3://b/x/a, too");
}

TEST(Placement, RefusesAFileThatIsTheFolderOfAnother) {
  const std::string problem =
      "cannot place s3://b/a: its name is that of the folder of s3://b/a/b/c";
  EXPECT_EQ(Problem({Object("a", "a"), Object("a.b", "a.b"), Object("a/b/c", "a/b/c")}), problem);
  EXPECT_EQ(Problem({Object("a/b/c", "a/b/c"), Object("a", "a")}), problem);
}

TEST(Placement, RefusesAFileAndAnEmptyFolderOfOneName) {
  EXPECT_EQ(Problem({Object("a", "a"), Object("a/", "a/", 0)}),
            "cannot place s3://b/a: its name is that of the folder of s3://b/a/");
}

TEST(Placement, RefusesAFolderWithContent) {
  EXPECT_EQ(Problem({Object("a/", "a/", 7)}),
            "cannot place s3://b/a/: its name is that of a folder, and it has 7 bytes");
}

}  // namespace
}  // namespace berth::platform
