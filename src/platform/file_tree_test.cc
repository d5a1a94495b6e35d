#include "platform/file_tree.h"

#include <gtest/gtest.h>

namespace berth::platform {
namespace {

FileTree Tree(const std::vector<std::string>& files, std::vector<std::string> folders = {}) {
  Placement placement{.folders = std::move(folders)};
  for (const std::string& file : files) placement.files.push_back({.name = file});
  return FileTree(placement);
}

std::vector<std::string> Names(const FileTree& tree, FileTree::Id folder) {
  std::vector<std::string> names;
  for (const FileTree::Id id : tree.node(folder).children) names.push_back(tree.node(id).name);
  return names;
}

TEST(FileTree, OfNothingIsAnEmptyFolder) {
  const FileTree tree = Tree({});
  EXPECT_EQ(tree.size(), 1u);
  EXPECT_FALSE(tree.node(FileTree::kRoot).file);
  EXPECT_EQ(tree.Find(FileTree::kRoot, "a"), std::nullopt);
}

TEST(FileTree, HasFilesInFoldersByName) {
  const FileTree tree = Tree({"z", "a/b/c", "a/b/a", "a b/ü"}, {"a/e", "f"});
  EXPECT_EQ(Names(tree, FileTree::kRoot), (std::vector<std::string>{"a", "a b", "f", "z"}));
  const FileTree::Id a = *tree.Find(FileTree::kRoot, "a");
  EXPECT_EQ(Names(tree, a), (std::vector<std::string>{"b", "e"}));
  const FileTree::Id b = *tree.Find(a, "b");
  EXPECT_EQ(tree.node(b).parent, a);
  EXPECT_FALSE(tree.node(b).file);
  EXPECT_EQ(tree.node(*tree.Find(b, "a")).file, 2u);
  EXPECT_EQ(tree.node(*tree.Find(b, "c")).file, 1u);
  EXPECT_EQ(tree.node(*tree.Find(*tree.Find(FileTree::kRoot, "a b"), "ü")).file, 3u);
  EXPECT_EQ(tree.Find(b, "b"), std::nullopt);
}

}  // namespace
}  // namespace berth::platform
