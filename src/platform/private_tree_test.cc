// Each test enters namespaces in a process of its own.
#include "platform/private_tree.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <set>
#include <string>

#include "core/files.h"
#include "core/log.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

constexpr int kNoNamespaces = 77;

/// Runs this with mounts of its own; false, with the Error on stderr, where a step failed.
int InNamespaces(const std::function<Result<void>()>& steps) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ::_exit(kNoNamespaces);
    const auto id = [](unsigned n) { return std::to_string(n) + " " + std::to_string(n) + " 1"; };
    if (!WriteFile("/proc/self/setgroups", "deny") || !WriteFile("/proc/self/uid_map", id(uid)) ||
        !WriteFile("/proc/self/gid_map", id(gid)) || !KeepMountsPrivate()) {
      ::_exit(kNoNamespaces);
    }
    const auto done = steps();
    if (!done) log::Error("test", "{}", done.error().message());
    ::_exit(done ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WEXITSTATUS(status);
}

Result<void> Expect(bool held, const char* what) {
  if (held) return {};
  return Fail(std::string("does not hold: ") + what);
}

std::set<std::string> Names(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

class PrivateTree : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(MakeDirectories(tree_));
    ASSERT_TRUE(MakeDirectories(staging_));
    ASSERT_TRUE(WriteFile(tree_ / "mine", "mine"));
    ASSERT_TRUE(MakeDirectories(opt_ / "folder"));
    ASSERT_TRUE(WriteFile(opt_ / "folder/f", "f"));
    ASSERT_TRUE(WriteFile(opt_ / "file", "file"));
    fs::create_symlink("folder/f", opt_ / "link");
  }
  void ExpectHolds(const std::function<Result<void>()>& steps) {
    const int code = InNamespaces(steps);
    if (code == kNoNamespaces) GTEST_SKIP() << "no namespaces here";
    EXPECT_EQ(code, 0);
  }

  Result<TemporaryDirectory> folder_ = TemporaryDirectory::Make("berth-tree");
  fs::path tree_ = folder_->path() / "tree";
  fs::path staging_ = folder_->path() / "staging";
  fs::path opt_ = folder_->path() / "opt";
};

TEST_F(PrivateTree, CoversAFolderThatIsThere) {
  ASSERT_TRUE(MakeDirectories(opt_ / "ml"));
  ASSERT_TRUE(WriteFile(opt_ / "ml/other", "other"));
  ExpectHolds([&]() -> Result<void> {
    BERTH_TRY(ShowAt(tree_, opt_ / "ml", staging_));
    return Expect(Names(opt_ / "ml") == std::set<std::string>{"mine"}, "only the tree shows");
  });
  EXPECT_EQ(Names(opt_ / "ml"), std::set<std::string>{"other"});
}

TEST_F(PrivateTree, KeepsEverythingBesideItVisible) {
  ASSERT_EQ(::chmod(opt_.c_str(), 0555), 0);
  ExpectHolds([&]() -> Result<void> {
    BERTH_TRY(ShowAt(tree_, opt_ / "sub/ml", staging_));
    BERTH_TRY(Expect(Names(opt_) == std::set<std::string>{"file", "folder", "link", "sub"},
                     "all entries"));
    BERTH_TRY(
        Expect(ReadFile(opt_ / "link").value_or("missing") == "f", "links lead where they led"));
    BERTH_TRY(Expect(ReadFile(opt_ / "file").value_or("missing") == "file", "files are the same"));
    BERTH_TRY(WriteFile(opt_ / "folder/new", "new"));
    return Expect(ReadFile(opt_ / "sub/ml/mine").value_or("missing") == "mine", "the tree shows");
  });
  EXPECT_EQ(Names(opt_), (std::set<std::string>{"file", "folder", "link"}));
  EXPECT_EQ(::chmod(opt_.c_str(), 0755), 0);
  if (IsSkipped()) return;
  EXPECT_EQ(ReadFile(opt_ / "folder/new").value_or("missing"), "new");
}

TEST_F(PrivateTree, NeedsNothingBelowTheRoot) {
  const fs::path nowhere = "/berth-test-nowhere/ml";
  const std::set<std::string> root = Names("/");
  ExpectHolds([&]() -> Result<void> {
    BERTH_TRY(ShowAt(tree_, nowhere, staging_));
    BERTH_TRY(Expect(ReadFile(nowhere / "mine").value_or("missing") == "mine", "the tree shows"));
    std::set<std::string> names = Names("/");
    names.erase("berth-test-nowhere");
    BERTH_TRY(Expect(names == root, "the root is as it was"));
    return Expect(ReadFile(opt_ / "file").value_or("missing") == "file",
                  "what lies below is the same");
  });
  EXPECT_FALSE(fs::exists(nowhere.parent_path()));
}

TEST_F(PrivateTree, IsNoFile) {
  ExpectHolds([&]() -> Result<void> {
    const auto shown = ShowAt(tree_, opt_ / "file", staging_);
    return Expect(
        !shown && shown.error().message() == "\"" + (opt_ / "file").string() + "\" is not a folder",
        "a file cannot be covered");
  });
}

TEST_F(PrivateTree, CannotBeWrittenThroughWhatIsReadOnly) {
  ExpectHolds([&]() -> Result<void> {
    BERTH_TRY(BindReadOnly(opt_ / "folder", tree_));
    BERTH_TRY(Expect(ReadFile(tree_ / "f").value_or("missing") == "f", "it shows"));
    const auto written = WriteFile(tree_ / "f", "x");
    return Expect(!written && written.error().system_error() == EROFS, "it is read-only");
  });
  EXPECT_EQ(ReadFile(opt_ / "folder/f").value_or("missing"), "f");
}

}  // namespace
}  // namespace berth::platform
