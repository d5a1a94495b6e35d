#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "core/files.h"
#include "storage/archive.h"
#include "usercode/usercode.h"

namespace berth::usercode {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FetchCode : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(fs::create_directory(from)); }

  void Write(const fs::path& path, std::string_view content = "x") const {
    ASSERT_TRUE(MakeDirectories(path.parent_path()));
    ASSERT_TRUE(WriteFile(path, content));
  }

  Result<void> FetchFrom(const std::string& submit_directory) const {
    return Fetch({.submit_directory = submit_directory, .entry_point = "", .code_directory = code});
  }

  std::string Failure(const std::string& submit_directory) const {
    const auto fetched = FetchFrom(submit_directory);
    EXPECT_FALSE(fetched);
    return fetched ? "" : fetched.error().message();
  }

  std::vector<std::string> Code() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(code)) {
      names.push_back(entry.path().lexically_relative(code).string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TemporaryDirectory home = TemporaryDirectory::Make("berth-fetch-test").value();
  fs::path from = home.path() / "from";
  fs::path code = home.path() / "opt/ml/code";
};

TEST_F(FetchCode, DirectoryIsCopiedWithModesAndTimes) {
  Write(from / "train.py", "print()");
  Write(from / "bin/größe.sh", "#!/bin/sh\n");
  Write(from / ".hidden");
  ASSERT_EQ(::chmod((from / "bin/größe.sh").c_str(), 04755), 0);
  const std::timespec times[2] = {{1'600'000'000, 0}, {1'600'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (from / "train.py").c_str(), times, 0), 0);
  ASSERT_TRUE(FetchFrom(from));
  EXPECT_THAT(Code(), ElementsAre(".hidden", "bin", "bin/größe.sh", "train.py"));
  EXPECT_EQ(ReadFile(code / "train.py").value(), "print()");
  struct stat about{};
  ASSERT_EQ(::stat((code / "bin/größe.sh").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0755u);
  ASSERT_EQ(::stat((code / "train.py").c_str(), &about), 0);
  EXPECT_EQ(about.st_mtime, 1'600'000'000);
}

TEST_F(FetchCode, LinksInsideStayLinksAndOthersBecomeWhatTheyLeadTo) {
  Write(from / "lib/util.py", "util");
  Write(home.path() / "common/shared.py", "shared");
  fs::create_symlink("lib/util.py", from / "inside");
  fs::create_symlink("../common", from / "relative");
  fs::create_symlink(home.path() / "common/shared.py", from / "absolute");
  fs::create_symlink("none", from / "dangling");
  ASSERT_TRUE(FetchFrom(from));
  EXPECT_EQ(fs::read_symlink(code / "inside"), "lib/util.py");
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(code / "relative")));
  EXPECT_EQ(ReadFile(code / "relative/shared.py").value(), "shared");
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(code / "absolute")));
  EXPECT_EQ(fs::read_symlink(code / "dangling"), "none");
}

TEST_F(FetchCode, FifoIsLeftOut) {
  ASSERT_EQ(::mkfifo((from / "fifo").c_str(), 0600), 0);
  Write(from / "a");
  ASSERT_TRUE(FetchFrom(from));
  EXPECT_THAT(Code(), ElementsAre("a"));
}

TEST_F(FetchCode, LinkToAFolderAroundItIsAnErrorAndNotALoop) {
  Write(from / "a");
  fs::create_symlink(from, from / "z");
  EXPECT_EQ(Failure(from), "cannot fetch the code from \"" + from.string() + "\": cannot copy \"" +
                               (from / "z").string() + "\": it is a link to a folder around it");
  EXPECT_THAT(Code(), IsEmpty());
}

// `berth local train --source .`: the job's folder, and the code directory in it, lie in the
// source.
TEST_F(FetchCode, DirectoryAroundTheCodeDirectoryIsCopiedWithoutIt) {
  Write(from / "a");
  ASSERT_TRUE(FetchFrom(home.path()));
  EXPECT_TRUE(fs::exists(code / from.filename() / "a"));
  EXPECT_TRUE(fs::exists(code / "opt/ml"));
  EXPECT_FALSE(fs::exists(code / "opt/ml/code"));
}

TEST_F(FetchCode, ArchiveIsExtracted) {
  Write(from / "train.py", "print()");
  const fs::path archive = home.path() / "sourcedir.tar.gz";
  ASSERT_TRUE(storage::CreateTarGz(from, archive));
  ASSERT_TRUE(FetchFrom(archive));
  EXPECT_EQ(ReadFile(code / "train.py").value(), "print()");
}

TEST_F(FetchCode, ArchiveIsKnownByItsContent) {
  Write(from / "train.py", "print()");
  ASSERT_TRUE(storage::CreateTarGz(from, home.path() / "x.tar.gz"));
  fs::rename(home.path() / "x.tar.gz", home.path() / "archive-without-suffix");
  ASSERT_TRUE(FetchFrom(home.path() / "archive-without-suffix"));
  EXPECT_THAT(Code(), ElementsAre("train.py"));
}

TEST_F(FetchCode, DamagedArchiveIsAnErrorAndLeavesNothing) {
  const fs::path archive = home.path() / "sourcedir.tar.gz";
  Write(archive, "no archive");
  EXPECT_EQ(Failure(archive), "cannot fetch the code from \"" + archive.string() +
                                  "\": cannot extract \"" + archive.string() +
                                  "\": it is not a .tar.gz archive; pack the directory with `tar "
                                  "-czf`");
  EXPECT_THAT(Code(), IsEmpty());
}

TEST_F(FetchCode, SingleFileIsCopied) {
  Write(from / "train.py", "print()");
  ASSERT_TRUE(FetchFrom(from / "train.py"));
  EXPECT_THAT(Code(), ElementsAre("train.py"));
}

TEST_F(FetchCode, WhatIsInTheCodeDirectoryStays) {
  Write(code / "train.py", "the image's");
  Write(from / "train.py", "ours");
  ASSERT_TRUE(FetchFrom(from));
  EXPECT_EQ(ReadFile(code / "train.py").value(), "the image's");
  ASSERT_TRUE(FetchFrom("s3://bucket/never-asked.tar.gz"));
}

TEST_F(FetchCode, CodeDirectoryItselfAndNoneNeedNothing) {
  Write(code / "train.py");
  ASSERT_TRUE(FetchFrom(code));
  ASSERT_TRUE(FetchFrom(code.string() + "/"));
  ASSERT_TRUE(FetchFrom(""));
  EXPECT_THAT(Code(), ElementsAre("train.py"));
}

TEST_F(FetchCode, CodeDirectoryIsMade) {
  ASSERT_TRUE(FetchFrom(""));
  EXPECT_TRUE(fs::is_directory(code));
}

TEST_F(FetchCode, AnS3AddressThatIsNoObjectIsAnErrorBeforeAnybodyIsAsked) {
  for (const char* address : {"s3://bucket", "s3://bucket/folder/"}) {
    EXPECT_EQ(
        Failure(address),
        std::string("cannot fetch the code from \"") + address +
            "\": it is a prefix, not an object; set sagemaker_submit_directory to the .tar.gz "
            "that holds the entry point");
  }
  EXPECT_EQ(Failure("s3:///key"),
            "cannot fetch the code from \"s3:///key\": \"s3:///key\" names no bucket: expected "
            "s3://bucket/key");
  EXPECT_THAT(Code(), IsEmpty());
}

TEST_F(FetchCode, OtherPlacesAreErrors) {
  EXPECT_EQ(Failure("https://host/code.tar.gz"),
            "cannot fetch the code from \"https://host/code.tar.gz\": it must be s3://bucket/key, "
            "a local "
            "directory, a .tar.gz or a single file");
  EXPECT_EQ(Failure("/none/such"),
            "cannot fetch the code from \"/none/such\": there is no such file or directory; set "
            "sagemaker_submit_directory to the directory or .tar.gz that holds the entry point");
  EXPECT_EQ(Failure("/dev/null"),
            "cannot fetch the code from \"/dev/null\": it is neither a directory nor a file");
}

}  // namespace
}  // namespace berth::usercode
