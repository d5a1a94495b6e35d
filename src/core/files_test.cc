#include "core/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

namespace berth {
namespace {

class Files : public testing::Test {
 protected:
  TemporaryDirectory directory_ = TemporaryDirectory::Make("berth-files-test").value();
  std::filesystem::path At(const char* name) const { return directory_.path() / name; }
};

TEST_F(Files, WhatIsWrittenIsReadBack) {
  const std::string bytes("a\0b\xff", 4);
  ASSERT_TRUE(WriteFileAtomically(At("x"), bytes));
  EXPECT_EQ(ReadFile(At("x")), bytes);
  ASSERT_TRUE(WriteFile(At("x"), "short"));
  EXPECT_EQ(ReadFile(At("x")), "short");
}

TEST_F(Files, AFileOverTheLimitIsAnErrorThatNamesIt) {
  ASSERT_TRUE(WriteFile(At("x"), "12345"));
  EXPECT_EQ(ReadFile(At("x"), 5), "12345");
  const auto read = ReadFile(At("x"), 4);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message(),
            "cannot read \"" + At("x").string() + "\": it holds more than 4 bytes");
}

// A setting of the kernel came back cut to its first byte.
TEST_F(Files, AFileOfProcIsReadWhole) {
  EXPECT_EQ(ReadFile("/proc/sys/kernel/ostype"), "Linux\n");
}

TEST_F(Files, AMissingFileAndADirectoryAreToldApart) {
  EXPECT_EQ(ReadFile(At("none")).error().system_error(), ENOENT);
  EXPECT_EQ(ReadFile(directory_.path()).error().system_error(), EISDIR);
}

TEST_F(Files, AFailedAtomicWriteLeavesNothing) {
  ASSERT_TRUE(MakeDirectories(At("d/e")));
  EXPECT_FALSE(WriteFileAtomically(At("d"), "x"));
  EXPECT_FALSE(WriteFileAtomically(At("none/x"), "x"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path()), {}), 1);
}

TEST_F(Files, TheModeFollowsTheUmask) {
  const mode_t before = ::umask(027);
  ASSERT_TRUE(WriteFileAtomically(At("x"), "x"));
  ::umask(before);
  struct stat about;
  ASSERT_EQ(::stat(At("x").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0640u);
}

TEST_F(Files, AFolderThatCannotBeIsAnErrorAndNoException) {
  const std::filesystem::path folder = directory_.path() / std::string(300, 'x');
  const auto made = MakeDirectories(folder / "y");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().system_error(), ENAMETOOLONG);
  RemoveContent(folder);
}

TEST_F(Files, TheListIsSortedBoundedAndLeavesFoldersOut) {
  ASSERT_TRUE(MakeDirectories(At("b/c")));
  ASSERT_TRUE(WriteFile(At("b/c/1"), ""));
  ASSERT_TRUE(WriteFile(At("a"), ""));
  EXPECT_EQ(ListFiles(directory_.path(), 10), (std::vector<std::string>{"a", "b/c/1"}));
  EXPECT_EQ(ListFiles(directory_.path(), 1).size(), 1u);
  EXPECT_TRUE(ListFiles(At("none"), 10).empty());
}

TEST(TemporaryDirectory, GoesWithAllItHolds) {
  std::filesystem::path path;
  {
    const auto directory = TemporaryDirectory::Make("berth-files-test");
    ASSERT_TRUE(directory);
    path = directory->path();
    ASSERT_TRUE(MakeDirectories(path / "a/b"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace berth
