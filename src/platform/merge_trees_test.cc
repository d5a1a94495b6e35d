#include "platform/merge_trees.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/files.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class MergeFoldersTest : public testing::Test {
 protected:
  fs::path Of(int host) { return folder_->path() / std::to_string(host); }
  void Write(int host, const fs::path& name, std::string_view text) {
    ASSERT_TRUE(MakeDirectories((Of(host) / name).parent_path()));
    ASSERT_TRUE(WriteFile(Of(host) / name, text));
  }
  std::vector<std::string> Merge() {
    const std::vector<HostFolder> folders{{"algo-1", Of(1)}, {"algo-2", Of(2)}, {"algo-3", Of(3)}};
    const auto merged = MergeFolders(folders);
    EXPECT_TRUE(merged) << merged.error().message();
    return merged.value_or(std::vector<std::string>{"failed"});
  }
  std::string Text(const fs::path& name) { return ReadFile(Of(1) / name).value_or("missing"); }

  Result<TemporaryDirectory> folder_ = TemporaryDirectory::Make("berth-merge");
};

TEST_F(MergeFoldersTest, HoldWhatEachHostWrote) {
  Write(1, "a", "1");
  Write(2, "b", "2");
  Write(2, "deep/er/c", "2");
  Write(3, "deep/d", "3");
  EXPECT_THAT(Merge(), IsEmpty());
  EXPECT_EQ(Text("a") + Text("b") + Text("deep/er/c") + Text("deep/d"), "1223");
}

TEST_F(MergeFoldersTest, KeepTheFirstHostsFileAndSayWhose) {
  Write(1, "deep/a", "1");
  Write(2, "deep/a", "2");
  Write(2, "from-2/b", "2");
  Write(3, "from-2/b", "3");
  EXPECT_THAT(Merge(),
              ElementsAre("algo-1 and algo-2 both wrote \"deep/a\": that of algo-1 is kept",
                          "algo-2 and algo-3 both wrote \"from-2/b\": that of algo-2 is kept"));
  EXPECT_EQ(Text("deep/a") + Text("from-2/b"), "12");
}

TEST_F(MergeFoldersTest, SayNothingOfEqualFiles) {
  Write(1, "success", "");
  Write(2, "success", "");
  Write(1, "config", "same");
  Write(3, "config", "same");
  ASSERT_TRUE(MakeDirectories(Of(2)));
  fs::create_symlink("config", Of(1) / "link");
  fs::create_symlink("config", Of(2) / "link");
  EXPECT_THAT(Merge(), IsEmpty());
}

TEST_F(MergeFoldersTest, DoNotMixFilesAndFolders) {
  Write(1, "a", "file");
  Write(2, "a/b", "in a folder");
  EXPECT_THAT(Merge(), ElementsAre("algo-1 and algo-2 both wrote \"a\": that of algo-1 is kept"));
  EXPECT_EQ(Text("a"), "file");
}

TEST_F(MergeFoldersTest, DoNotFollowLinks) {
  Write(1, "a", "1");
  const fs::path outside = folder_->path() / "outside";
  ASSERT_TRUE(MakeDirectories(outside));
  fs::create_directory_symlink(outside, Of(1) / "dir");
  Write(2, "dir/b", "2");
  EXPECT_THAT(Merge(), ElementsAre("algo-1 and algo-2 both wrote \"dir\": that of algo-1 is kept"));
  EXPECT_TRUE(fs::is_empty(outside));
}

TEST_F(MergeFoldersTest, TakeFoldersThatMayNotBeWritten) {
  Write(1, "deep/a", "1");
  Write(2, "deep/b", "2");
  for (const int host : {1, 2}) ASSERT_EQ(::chmod((Of(host) / "deep").c_str(), 0555), 0);
  EXPECT_THAT(Merge(), IsEmpty());
  EXPECT_EQ(Text("deep/b"), "2");
  struct stat about;
  ASSERT_EQ(::stat((Of(1) / "deep").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0555U);
  for (const int host : {1, 2}) ASSERT_EQ(::chmod((Of(host) / "deep").c_str(), 0755), 0);
}

TEST_F(MergeFoldersTest, OfNobodyAreEmpty) {
  EXPECT_THAT(Merge(), IsEmpty());
  EXPECT_TRUE(fs::is_empty(Of(1)));
}

}  // namespace
}  // namespace berth::platform
