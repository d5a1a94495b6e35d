#include "storage/folder_sync.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <map>
#include <thread>

#include "core/files.h"

namespace berth::storage {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr seconds kLong{60};

/// A place in memory, that can be made to fail or to wait.
class Memory {
 public:
  std::map<std::string, std::string> Files() {
    const std::lock_guard lock(mutex);
    return files;
  }
  int Puts() {
    const std::lock_guard lock(mutex);
    return puts;
  }
  /// Waits for a condition on files and puts.
  bool Wait(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kLong, condition);
  }
  bool WaitFor(const std::string& file, const std::string& content) {
    return Wait([&] { return files.contains(file) && files[file] == content; });
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, std::string> files;
  int puts = 0;
  int failing = 0;        // so many Puts fail
  bool blocking = false;  // Puts wait for their cancellation
  std::function<void()> meanwhile;
};

class PlaceTarget final : public SyncTarget {
 public:
  explicit PlaceTarget(Memory& place) : place_(place) {}

  Result<std::string> Place(const std::string& file) const override {
    if (file.find("refused") != file.npos) return Fail("\"" + file + "\" cannot be uploaded");
    return "memory:" + file;
  }

  Result<void> Put(int descriptor, const std::string& file, const Cancellation& cancel) override {
    std::function<void()> meanwhile;
    {
      const std::lock_guard lock(place_.mutex);
      ++place_.puts;
      place_.changed.notify_all();
      if (place_.failing > 0) {
        --place_.failing;
        return Fail("cannot put " + file);
      }
      meanwhile = place_.meanwhile;
      if (place_.blocking) meanwhile = [&] { cancel.WaitFor(kLong); };
    }
    std::string content(1 << 16, '\0');
    const ssize_t n = ::pread(descriptor, content.data(), content.size(), 0);
    content.resize(n < 0 ? 0 : static_cast<size_t>(n));
    if (meanwhile) meanwhile();
    if (cancel.cancelled()) return Fail("cancelled", ECANCELED);
    const std::lock_guard lock(place_.mutex);
    place_.files[file] = content;
    place_.changed.notify_all();
    return {};
  }

  Result<void> Delete(const std::string& file, const Cancellation& /*cancel*/) override {
    const std::lock_guard lock(place_.mutex);
    place_.files.erase(file);
    place_.changed.notify_all();
    return {};
  }

 private:
  Memory& place_;
};

class FolderSyncTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fs::create_directory(folder));
    options.settle = milliseconds(1);
    options.retry = milliseconds(1);
  }

  void Start() {
    auto started = FolderSync::Start(folder, std::make_unique<PlaceTarget>(place), options);
    ASSERT_TRUE(started);
    sync = std::move(*started);
  }

  void Write(const fs::path& file, std::string_view content = "x") const {
    ASSERT_TRUE(MakeDirectories((folder / file).parent_path()));
    ASSERT_TRUE(WriteFile(folder / file, content));
  }

  TemporaryDirectory home = TemporaryDirectory::Make("berth-sync-test").value();
  fs::path folder = home.path() / "folder";
  Memory place;
  FolderSyncOptions options;
  std::unique_ptr<FolderSync> sync;
};

TEST_F(FolderSyncTest, FilesAreUploadedWhileTheyAreWritten) {
  Start();
  Write("a", "1");
  Write("deep/er/b", "2");
  EXPECT_TRUE(place.WaitFor("a", "1"));
  EXPECT_TRUE(place.WaitFor("deep/er/b", "2"));
  Write("a", "3");
  EXPECT_TRUE(place.WaitFor("a", "3"));
  EXPECT_TRUE(sync->Finish(kLong).complete());
}

TEST_F(FolderSyncTest, WhatIsThereAtTheStartIsUploadedToo) {
  Write("sub/a", "1");
  Start();
  EXPECT_TRUE(place.WaitFor("sub/a", "1"));
}

TEST_F(FolderSyncTest, WhatCameFromTheTargetIsNotUploadedAgain) {
  Write("a", "1");
  Write("b", "1");
  options.existing_is_synced = true;
  options.propagate_deletions = true;
  place.files = {{"a", "1"}, {"b", "1"}, {"theirs", "1"}};
  Start();
  fs::remove(folder / "a");
  EXPECT_TRUE(sync->Finish(kLong).complete());
  EXPECT_EQ(place.Puts(), 0);
  EXPECT_THAT(place.Files(), UnorderedElementsAre(Pair("b", "1"), Pair("theirs", "1")));
}

TEST_F(FolderSyncTest, AFileIsUploadedUnderTheNameItIsRenamedTo) {
  options.settle = seconds(2);
  Start();
  Write("a.tmp", "1");
  fs::rename(folder / "a.tmp", folder / "a");
  const auto report = sync->Finish(kLong);
  EXPECT_TRUE(report.complete());
  EXPECT_THAT(place.Files(), ElementsAre(Pair("a", "1")));
  EXPECT_EQ(report.files, 1u);
}

TEST_F(FolderSyncTest, AFileThatIsRenamedIntoTheFolderIsUploaded) {
  Start();
  ASSERT_TRUE(WriteFile(home.path() / "outside", "1"));
  fs::rename(home.path() / "outside", folder / "a");
  EXPECT_TRUE(place.WaitFor("a", "1"));
}

TEST_F(FolderSyncTest, AFolderThatIsRenamedIsUploadedUnderItsNewName) {
  options.propagate_deletions = true;
  Start();
  Write("old/sub/a", "1");
  ASSERT_TRUE(place.WaitFor("old/sub/a", "1"));
  fs::rename(folder / "old", folder / "new");
  EXPECT_TRUE(place.WaitFor("new/sub/a", "1"));
  EXPECT_TRUE(place.Wait([&] { return !place.files.contains("old/sub/a"); }));
  Write("new/sub/b", "2");  // its watch has moved with it
  EXPECT_TRUE(place.WaitFor("new/sub/b", "2"));
}

TEST_F(FolderSyncTest, FilesInFoldersThatAreMadeAllTheTimeAreNotMissed) {
  Start();
  for (int i = 0; i < 200; ++i) Write(fmt::format("{}/{}/{}/f", i % 7, i % 31, i), "1");
  EXPECT_TRUE(place.Wait([&] { return place.files.size() == 200; }));
}

TEST_F(FolderSyncTest, DeletionsArePropagatedWhereAsked) {
  options.propagate_deletions = true;
  Start();
  Write("a/b/c");
  Write("d");
  ASSERT_TRUE(place.Wait([&] { return place.files.size() == 2; }));
  fs::remove_all(folder / "a");
  EXPECT_TRUE(place.Wait([&] { return place.files.size() == 1; }));
  fs::remove(folder / "d");
  const auto report = sync->Finish(kLong);
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(report.deleted, 2u);
  EXPECT_THAT(place.Files(), IsEmpty());
}

TEST_F(FolderSyncTest, DeletionsAreNotPropagatedOtherwise) {
  Start();
  Write("a", "1");
  ASSERT_TRUE(place.WaitFor("a", "1"));
  fs::remove(folder / "a");
  EXPECT_TRUE(sync->Finish(kLong).complete());
  EXPECT_THAT(place.Files(), ElementsAre(Pair("a", "1")));
}

TEST_F(FolderSyncTest, NothingIsDeletedBecauseTheFolderIsGone) {
  options.propagate_deletions = true;
  Start();
  Write("a", "1");
  ASSERT_TRUE(place.WaitFor("a", "1"));
  fs::rename(folder, home.path() / "away");
  const auto report = sync->Finish(kLong);
  EXPECT_TRUE(report.unread);
  EXPECT_FALSE(report.complete());
  EXPECT_THAT(place.Files(), ElementsAre(Pair("a", "1")));
}

TEST_F(FolderSyncTest, AFolderThatIsMadeAgainIsWatchedAgain) {
  options.rescan = milliseconds(10);
  Start();
  fs::remove_all(folder);
  ASSERT_TRUE(fs::create_directory(folder));
  Write("a", "1");
  EXPECT_TRUE(place.WaitFor("a", "1"));
  Write("sub/b", "2");
  EXPECT_TRUE(place.WaitFor("sub/b", "2"));
}

TEST_F(FolderSyncTest, AFileThatChangesDuringItsUploadIsUploadedAgain) {
  std::atomic<int> left = 3;
  place.meanwhile = [&] {
    if (left-- > 0) Write("a", fmt::format("{}", left.load()));
  };
  Start();
  Write("a", "first");
  EXPECT_TRUE(place.WaitFor("a", "0"));
  EXPECT_TRUE(sync->Finish(kLong).complete());
  EXPECT_THAT(place.Files(), ElementsAre(Pair("a", "0")));
}

// The first writer's end is an event; what the second one has written by then is no state of the
// file.
TEST_F(FolderSyncTest, AFileThatIsOpenedForWritingAgainWaitsForThatWriter) {
  options.settle = milliseconds(50);
  Start();
  Descriptor second(::open((folder / "a").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::write(second.get(), "ha", 2), 2);
  Descriptor(::open((folder / "a").c_str(), O_WRONLY | O_CLOEXEC)).Close();
  Write("b", "1");
  Write("c", "1");
  ASSERT_TRUE(place.WaitFor("b", "1"));
  ASSERT_TRUE(place.WaitFor("c", "1"));
  EXPECT_THAT(place.Files(), ElementsAre(Pair("b", "1"), Pair("c", "1")));
  ASSERT_EQ(::write(second.get(), "lf", 2), 2);
  second.Close();
  EXPECT_TRUE(place.WaitFor("a", "half"));
  EXPECT_EQ(place.Puts(), 3);
}

TEST_F(FolderSyncTest, AFileThatIsStillOpenAtTheEndIsUploadedAsItIs) {
  Start();
  const Descriptor file(::open((folder / "log").c_str(), O_WRONLY | O_CREAT, 0600));
  ASSERT_EQ(::write(file.get(), "ab", 2), 2);
  EXPECT_TRUE(sync->Finish(kLong).complete());
  EXPECT_THAT(place.Files(), ElementsAre(Pair("log", "ab")));
}

// Of the same size, and most of them within a tick of the clock that files' times are taken from.
TEST_F(FolderSyncTest, TheLastOfManyStatesIsTheOneThatArrives) {
  Start();
  for (int file = 0; file < 20; ++file) {
    for (int state = 0; state < 50; ++state) {
      const Descriptor open(
          ::open((folder / std::to_string(file)).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
      const std::string content = fmt::format("{:04}", state);
      ASSERT_EQ(::pwrite(open.get(), content.data(), 4, 0), 4);
    }
  }
  EXPECT_TRUE(sync->Finish(kLong).complete());
  EXPECT_THAT(place.Files(), SizeIs(20));
  for (const auto& [name, content] : place.Files()) EXPECT_EQ(content, "0049") << name;
}

TEST_F(FolderSyncTest, LinksToFilesAreUploadedAndLoopsAndSpecialFilesAreNot) {
  Start();
  ASSERT_TRUE(WriteFile(home.path() / "outside", "1"));
  fs::create_symlink(home.path() / "outside", folder / "symbolic");
  fs::create_hard_link(home.path() / "outside", folder / "hard");
  fs::create_directory_symlink(folder, folder / "loop");
  fs::create_symlink("nowhere", folder / "dangling");
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_TRUE(place.WaitFor("symbolic", "1"));
  EXPECT_TRUE(place.WaitFor("hard", "1"));
  EXPECT_TRUE(sync->Finish(kLong).complete());
  EXPECT_THAT(place.Files(), UnorderedElementsAre(Pair("symbolic", "1"), Pair("hard", "1")));
}

TEST_F(FolderSyncTest, LinksWithinAFolderOfItsOwnAreFollowedAsItsWriterSeesThem) {
  options.seen_as = {"/opt/ml/checkpoints"};
  options.propagate_deletions = true;
  Start();
  ASSERT_TRUE(WriteFile(home.path() / "outside", "secret"));
  Write("ok", "1");
  Write("step1/w", "2");
  fs::create_symlink("ok", folder / "latest");
  fs::create_symlink("/opt/ml/checkpoints/ok", folder / "absolute");
  fs::create_symlink("step1", folder / "step");
  fs::create_symlink(home.path() / "outside", folder / "out");
  fs::create_symlink("/opt/ml/checkpoints", folder / "step1/self");
  EXPECT_TRUE(place.WaitFor("step/w", "2"));
  Write("step1/late", "3");
  testing::internal::CaptureStderr();
  EXPECT_TRUE(sync->Finish(kLong).complete());
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(place.Files(),
              UnorderedElementsAre(Pair("ok", "1"), Pair("latest", "1"), Pair("absolute", "1"),
                                   Pair("step1/w", "2"), Pair("step/w", "2"),
                                   Pair("step1/late", "3"), Pair("step/late", "3")));
  EXPECT_THAT(said, HasSubstr("it is a link that leads out of the folder"));
  EXPECT_THAT(said, HasSubstr("it is a link to a folder that it lies in"));
}

TEST_F(FolderSyncTest, AFolderIsGoneWithTheLinkToIt) {
  options.seen_as = {"/opt/ml/checkpoints"};
  options.propagate_deletions = true;
  Start();
  Write("step1/w", "1");
  Write("step2/w", "2");
  fs::create_symlink("step1", folder / "latest");
  EXPECT_TRUE(place.WaitFor("latest/w", "1"));
  fs::create_symlink("step2", folder / "next");
  fs::rename(folder / "next", folder / "latest");
  EXPECT_TRUE(place.WaitFor("latest/w", "2"));
  fs::remove(folder / "latest");
  EXPECT_TRUE(place.Wait([&] { return !place.files.contains("latest/w"); }));
  EXPECT_TRUE(sync->Finish(kLong).complete());
  EXPECT_THAT(place.Files(), UnorderedElementsAre(Pair("step1/w", "1"), Pair("step2/w", "2")));
}

TEST_F(FolderSyncTest, ManyFilesAreUploadedOnceEach) {
  options.settle = milliseconds(500);
  Start();
  for (int i = 0; i < 3000; ++i) Write(fmt::format("{}/{}", i % 10, i));
  const auto report = sync->Finish(kLong);
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(place.Files().size(), 3000u);
}

TEST_F(FolderSyncTest, FailuresAreTriedAgain) {
  place.failing = 5;
  Start();
  Write("a", "1");
  EXPECT_TRUE(place.WaitFor("a", "1"));
  const auto report = sync->Finish(kLong);
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(report.failures, 5u);
}

TEST_F(FolderSyncTest, ATargetThatStaysBrokenIsGivenUpAtTheEndAndTheFilesAreNamed) {
  place.failing = 1 << 30;
  Start();
  for (int i = 0; i < 100; ++i) Write(fmt::format("{:03}", i));
  const auto report = sync->Finish(kLong);
  EXPECT_FALSE(report.complete());
  EXPECT_EQ(report.missing, 100u);
  ASSERT_EQ(report.named.size(), FolderSync::kMaxNamed);
  EXPECT_EQ(report.named[0].file, "000");
  // It gives up after a row of failures: which files were tried until then depends on the machine,
  // and what was not tried has the last one's reason.
  EXPECT_THAT(report.named[0].reason, testing::StartsWith("cannot put "));
}

TEST_F(FolderSyncTest, FinishEndsAtItsLimit) {
  place.blocking = true;
  Start();
  Write("a");
  const auto report = sync->Finish(milliseconds(50));
  ASSERT_EQ(report.missing, 1u);
  EXPECT_EQ(report.named[0].reason, "there was no time left for it");
}

TEST_F(FolderSyncTest, FinishEndsWithItsCancellation) {
  place.blocking = true;
  Start();
  Write("a");
  ASSERT_TRUE(place.Wait([&] { return place.puts == 1; }));
  const Cancellation cancel = Cancellation::Make().value();
  std::thread canceller([&] { cancel.Cancel(); });
  EXPECT_EQ(sync->Finish(std::chrono::hours(1), &cancel).missing, 1u);
  canceller.join();
}

TEST_F(FolderSyncTest, ANameThatCannotBeUploadedIsReportedAndHoldsNothingUp) {
  Start();
  Write("refused");
  Write("a", "1");
  const auto report = sync->Finish(kLong);
  EXPECT_EQ(report.missing, 1u);
  EXPECT_EQ(report.named.at(0).reason, "\"refused\" cannot be uploaded");
  EXPECT_THAT(place.Files(), ElementsAre(Pair("a", "1")));
}

TEST_F(FolderSyncTest, FoldersBeyondTheLimitOfWatchesAreLookedThrough) {
  options.watch_limit = 1;
  options.rescan = milliseconds(10);
  options.propagate_deletions = true;
  Start();
  Write("sub/a", "1");
  EXPECT_TRUE(place.WaitFor("sub/a", "1"));
  Write("sub/a", "2");
  EXPECT_TRUE(place.WaitFor("sub/a", "2"));
  fs::remove(folder / "sub/a");
  EXPECT_TRUE(place.Wait([&] { return place.files.empty(); }));
}

TEST_F(FolderSyncTest, AWriterThatOutrunsTheQueueOfEventsLosesNothing) {
  Start();
  for (int i = 0; i < 40'000; ++i) {
    const Descriptor file(
        ::open((folder / fmt::format("{}", i % 50)).c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    if (i < 39'950) continue;
    EXPECT_EQ(::write(file.get(), "e", 1), 1);
  }
  EXPECT_TRUE(sync->Finish(kLong).complete());
  const auto files = place.Files();
  EXPECT_EQ(files.size(), 50u);
  for (const auto& [name, content] : files) EXPECT_EQ(content, "e") << name;
}

class DirectoryTargetTest : public FolderSyncTest {
 protected:
  void Start() {
    sync = FolderSync::Start(folder, MakeSyncTarget(FileUri{there}, {}), options).value();
  }
  fs::path there = home.path() / "there";
};

TEST_F(DirectoryTargetTest, HasWhatTheFolderHas) {
  options.propagate_deletions = true;
  Start();
  Write("a/b", "1");
  Write("a/c/d", "2");
  while (sync->Progress().files < 2) std::this_thread::yield();
  fs::remove_all(folder / "a/c");
  EXPECT_TRUE(sync->Finish(kLong).complete());
  EXPECT_EQ(ReadFile(there / "a/b").value(), "1");
  EXPECT_FALSE(fs::exists(there / "a/c"));
  EXPECT_THAT(ListFiles(there, 10), ElementsAre("a/b"));
}

TEST_F(DirectoryTargetTest, HasNoHalfOfAFileThatIsRewritten) {
  constexpr size_t kSize = 400'000;
  Start();
  for (char state = 'a'; state <= 'z'; ++state) {
    const Descriptor open(::open((folder / "f").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string content(kSize, state);
    ASSERT_EQ(::pwrite(open.get(), content.data(), kSize, 0), static_cast<ssize_t>(kSize));
    const auto copied = ReadFile(there / "f");
    if (copied && !copied->empty()) {
      EXPECT_EQ(*copied, std::string(kSize, copied->front()));
    }
  }
  EXPECT_TRUE(sync->Finish(kLong).complete());
  EXPECT_EQ(ReadFile(there / "f").value(), std::string(kSize, 'z'));
}

TEST_F(DirectoryTargetTest, ThatCannotBeWrittenIsAFailureThatNamesIt) {
  ASSERT_TRUE(WriteFile(there, "a file"));
  Start();
  Write("a");
  const auto report = sync->Finish(kLong);
  EXPECT_EQ(report.missing, 1u);
  EXPECT_THAT(report.named.at(0).reason, HasSubstr(there.string()));
}

}  // namespace
}  // namespace berth::storage
