#include "platform/artifacts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/files.h"
#include "storage/archive.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class Artifacts : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(MakeDirectories(tree_ / "output" / "data"));
    ASSERT_TRUE(MakeDirectories(tree_ / "model"));
  }
  std::vector<std::string> Names(const char* archive) {
    std::vector<std::string> names;
    const auto entries = storage::ListTarGz(root_ / archive);
    EXPECT_TRUE(entries) << entries.error().message();
    for (const auto& entry : *entries) names.push_back(entry.name);
    return names;
  }

  Result<TemporaryDirectory> folder_ = TemporaryDirectory::Make("berth-artifacts");
  fs::path root_ = folder_->path();
  fs::path tree_ = root_ / ".work" / "ml";
};

TEST_F(Artifacts, OutputHoldsAllButTheIntermediate) {
  ASSERT_TRUE(WriteFile(tree_ / "output/data/d", "d"));
  ASSERT_TRUE(WriteFile(tree_ / "output/failure", "f"));
  ASSERT_TRUE(MakeDirectories(tree_ / "output/intermediate"));
  ASSERT_TRUE(WriteFile(tree_ / "output/intermediate/i", "i"));
  ASSERT_TRUE(PackOutput(tree_, root_));
  EXPECT_THAT(Names("output.tar.gz"), ElementsAre("data", "data/d", "failure"));
  EXPECT_EQ(*ReadFile(root_ / "intermediate/i"), "i");
}

TEST_F(Artifacts, ModelHoldsWhatTheJobPutThere) {
  ASSERT_TRUE(WriteFile(tree_ / "model/weights", "w"));
  ASSERT_TRUE(PackModel(tree_, root_));
  EXPECT_THAT(Names("model.tar.gz"), ElementsAre("weights"));
  EXPECT_FALSE(fs::exists(tree_.parent_path() / "model.tar.gz"));
}

TEST_F(Artifacts, OfSeveralHostsHaveTheFailureOfTheCulprit) {
  const fs::path other = root_ / ".work" / "ml-2";
  ASSERT_TRUE(MakeDirectories(other / "output/data"));
  ASSERT_TRUE(MakeDirectories(other / "model"));
  ASSERT_TRUE(WriteFile(tree_ / "output/failure", "stopped"));
  ASSERT_TRUE(WriteFile(other / "output/failure", "the cause"));
  ASSERT_TRUE(WriteFile(other / "output/data/d", "d"));
  ASSERT_TRUE(WriteFile(other / "model/w", "w"));
  const auto warnings =
      MergeTrees({{.number = 1}, {.number = 2, .name = "algo-2"}}, {tree_, other}, 1);
  ASSERT_TRUE(warnings);
  EXPECT_THAT(*warnings, ElementsAre());
  EXPECT_EQ(ReadFailure(tree_), "the cause");
  EXPECT_EQ(*ReadFile(tree_ / "output/data/d"), "d");
  EXPECT_EQ(*ReadFile(tree_ / "model/w"), "w");
}

TEST_F(Artifacts, FailureIsItsFirstCharacters) {
  EXPECT_EQ(ReadFailure(tree_), "");
  std::string text = "  ";
  for (int i = 0; i < 3000; ++i) text += "é";
  ASSERT_TRUE(WriteFile(tree_ / "output/failure", text));
  const std::string failure = ReadFailure(tree_);
  EXPECT_EQ(failure.size(), 2 * 1022U);  // of 1,024 characters two were blanks
}

TEST_F(Artifacts, FailureIsReadableWhateverTheJobWrote) {
  ASSERT_TRUE(WriteFile(tree_ / "output/failure", "a\xff z\n"));
  EXPECT_EQ(ReadFailure(tree_), "a\xEF\xBF\xBD z");
}

TEST_F(Artifacts, FailureThatIsNoFileIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo((tree_ / "output/failure").c_str(), 0600), 0);
  EXPECT_EQ(ReadFailure(tree_), "");
  fs::remove(tree_ / "output/failure");
  fs::create_symlink("/etc/passwd", tree_ / "output/failure");
  EXPECT_EQ(ReadFailure(tree_), "");
}

}  // namespace
}  // namespace berth::platform
