#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "core/files.h"
#include "storage/archive.h"

namespace berth::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Create : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(fs::create_directory(from)); }

  void Write(const std::string& name, std::string_view content) const {
    ASSERT_TRUE(MakeDirectories((from / name).parent_path()));
    ASSERT_TRUE(WriteFile(from / name, content));
  }

  std::vector<std::string> Listed() const {
    const auto entries = ListTarGz(output);
    EXPECT_TRUE(entries) << entries.error().message();
    std::vector<std::string> names;
    for (const ArchiveEntry& entry : entries.value()) names.push_back(entry.name);
    return names;
  }

  std::vector<std::string> InHome() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(home.path())) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TemporaryDirectory home = TemporaryDirectory::Make("berth-create-test").value();
  fs::path from = home.path() / "from";
  fs::path output = home.path() / "model.tar.gz";
};

TEST_F(Create, WhatWasPackedIsExtractedTheSame) {
  Write("b", "content");
  Write("a/run.sh", "#!/bin/sh\n");
  Write("a/größe 数据", std::string(300'000, 'x'));
  Write("bad-\xFF", "");
  Write(std::string(150, 'n') + "/" + std::string(150, 'm'), "long");
  fs::create_symlink("a/run.sh", from / "link");
  fs::create_directory(from / "empty");
  ASSERT_EQ(::chmod((from / "a/run.sh").c_str(), 0751), 0);
  const auto report = CreateTarGz(from, output);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->entries, 9);
  EXPECT_EQ(report->bytes, 300'000 + 7 + 10 + 4);
  EXPECT_THAT(report->warnings, IsEmpty());

  const fs::path to = home.path() / "to";
  const auto extracted = ExtractTarGzFile(output, to);
  ASSERT_TRUE(extracted) << extracted.error().message();
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    const fs::path copy = to / entry.path().lexically_relative(from);
    struct stat one{}, two{};
    ASSERT_EQ(::lstat(entry.path().c_str(), &one), 0);
    ASSERT_EQ(::lstat(copy.c_str(), &two), 0) << copy;
    EXPECT_EQ(one.st_mtime, two.st_mtime) << copy;
    EXPECT_EQ(one.st_mode & ~unsigned{S_IWOTH}, two.st_mode & ~unsigned{S_IWOTH}) << copy;
    if (entry.is_regular_file()) {
      EXPECT_EQ(ReadFile(entry.path()).value(), ReadFile(copy).value());
    }
  }
  EXPECT_EQ(fs::read_symlink(to / "link"), "a/run.sh");
}

TEST_F(Create, OrderIsByNameFoldersBeforeTheirContent) {
  Write("b/2", "");
  Write("b/1", "");
  Write("a", "");
  Write("c", "");
  ASSERT_TRUE(CreateTarGz(from, output));
  EXPECT_THAT(Listed(), ElementsAre("a", "b", "b/1", "b/2", "c"));
}

TEST_F(Create, SameContentGivesTheSameBytes) {
  Write("b/2", "x");
  Write("a", "y");
  ASSERT_TRUE(CreateTarGz(from, output));
  const std::string first = ReadFile(output).value();
  ASSERT_TRUE(CreateTarGz(from, output));
  EXPECT_EQ(ReadFile(output).value(), first);
}

TEST_F(Create, EmptyDirectoryGivesAnArchiveWithoutEntries) {
  ASSERT_TRUE(CreateTarGz(from, output));
  EXPECT_THAT(Listed(), IsEmpty());
}

TEST_F(Create, ArchiveInTheDirectoryIsNotInItself) {
  Write("a", "x");
  output = from / "out.tar.gz";
  ASSERT_TRUE(CreateTarGz(from, output));
  ASSERT_TRUE(CreateTarGz(from, output));
  EXPECT_THAT(Listed(), ElementsAre("a"));
}

TEST_F(Create, SpecialFilesAreLeftOutWithAWarning) {
  ASSERT_EQ(::mkfifo((from / "fifo").c_str(), 0600), 0);
  Write("file", "");
  const auto report = CreateTarGz(from, output);
  ASSERT_TRUE(report);
  EXPECT_THAT(report->warnings,
              ElementsAre("\"fifo\" was left out: it is a socket, FIFO or device"));
  EXPECT_THAT(Listed(), ElementsAre("file"));
}

TEST_F(Create, LinkOutOfTheDirectoryIsKeptWithAWarning) {
  fs::create_symlink("/opt/ml/checkpoints/7", from / "best");
  fs::create_symlink("../checkpoints/7", from / "last");
  const auto report = CreateTarGz(from, output);
  ASSERT_TRUE(report);
  EXPECT_THAT(report->warnings,
              ElementsAre("\"best\" is a link to an absolute path, \"/opt/ml/checkpoints/7\", and "
                          "stays one: make it relative, or it leads nowhere where the archive is "
                          "extracted elsewhere",
                          "\"last\" is a link that leads out of the directory, to "
                          "\"../checkpoints/7\": what it links to is not in the archive"));
  EXPECT_EQ(ListTarGz(output)->at(0).link_target, "/opt/ml/checkpoints/7");
}

// The kernel's own files have another size than they say, every time.
TEST_F(Create, FileThatGrowsWhileItIsReadIsCut) {
  if (!fs::exists("/proc/sys/kernel/random/uuid")) GTEST_SKIP() << "needs /proc/sys";
  const auto report = CreateTarGz("/proc/sys/kernel/random", output);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_THAT(report->warnings, Contains("\"uuid\" grew while it was read: cut"));
  EXPECT_THAT(Listed(), Contains("uuid"));
}

TEST_F(Create, FileThatShrinksWhileItIsReadIsPadded) {
  const fs::path folder = "/sys/class/net/lo/statistics";
  if (!fs::exists(folder)) GTEST_SKIP() << "needs /sys";
  const auto report = CreateTarGz(folder, output);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_THAT(report->warnings, Contains("\"rx_bytes\" shrank while it was read: padded"));
  EXPECT_THAT(Listed(), Contains("rx_bytes"));
}

TEST_F(Create, UnreadableFileIsAnErrorThatNamesItAndLeavesNothing) {
  if (::geteuid() == 0) GTEST_SKIP() << "root reads everything";
  Write("a/secret", "x");
  ASSERT_EQ(::chmod((from / "a/secret").c_str(), 0), 0);
  EXPECT_EQ(CreateTarGz(from, output).error().message(),
            "cannot make \"" + output.string() + "\": cannot read \"a/secret\": Permission denied");
  EXPECT_THAT(InHome(), ElementsAre("from"));
}

TEST_F(Create, FailureLeavesTheOldArchive) {
  ASSERT_TRUE(WriteFile(output, "old"));
  EXPECT_EQ(CreateTarGz(from / "none", output).error().message(),
            "cannot make \"" + output.string() + "\": cannot open \"" + (from / "none").string() +
                "\": No such file or directory");
  EXPECT_EQ(ReadFile(output).value(), "old");
  EXPECT_THAT(InHome(), ElementsAre("from", "model.tar.gz"));
}

TEST_F(Create, OutputThatCannotBeMadeIsAnError) {
  Write("a", "x");
  EXPECT_THAT(CreateTarGz(from, "/proc/none.tar.gz").error().message(),
              HasSubstr("cannot make a file beside it"));
}

TEST_F(Create, ListingTellsSizesAndKinds) {
  Write("d/file", "12345");
  ASSERT_TRUE(CreateTarGz(from, output));
  const auto entries = ListTarGz(output);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_TRUE(entries->at(0).is_directory);
  EXPECT_EQ(entries->at(1).name, "d/file");
  EXPECT_EQ(entries->at(1).size, 5u);
  EXPECT_EQ(ListTarGz(output, 1)->size(), 1u);
}

}  // namespace
}  // namespace berth::storage
