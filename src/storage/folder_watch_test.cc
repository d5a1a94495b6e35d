#include "storage/folder_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>

#include <fstream>
#include <set>

#include "core/files.h"

namespace berth::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FolderWatchTest : public ::testing::Test, public FolderListener {
 protected:
  void Changed(const std::string& file) override { changed.insert(file); }
  void Seen(const std::string& file, const struct stat& /*about*/) override { seen.insert(file); }
  void Elsewhere(const std::string& folder) override { elsewhere.insert(folder); }

  void Write(const fs::path& file) const {
    ASSERT_TRUE(MakeDirectories((home.path() / file).parent_path()));
    ASSERT_TRUE(WriteFile(home.path() / file, "x"));
  }

  bool Scan() {
    return watch.Scan([] { return false; });
  }

  TemporaryDirectory home = TemporaryDirectory::Make("berth-watch-test").value();
  FolderWatch watch{home.path(), *this, 100, "test"};
  std::set<std::string> changed, seen, elsewhere;
};

TEST_F(FolderWatchTest, ScanTellsOfEveryFile) {
  Write("a");
  Write("b/c/d");
  EXPECT_TRUE(Scan());
  EXPECT_TRUE(watch.watches_all());
  EXPECT_THAT(seen, ElementsAre("a", "b/c/d"));
}

TEST_F(FolderWatchTest, EventsTellOfFilesWrittenAndGoneAndOfNewFolders) {
  Write("gone");
  ASSERT_TRUE(Scan());
  seen.clear();
  Write("a");
  fs::remove(home.path() / "gone");
  Write("new/b");
  watch.Take();
  EXPECT_THAT(changed, ElementsAre("a", "gone"));
  EXPECT_THAT(seen, ElementsAre("new/b"));
}

TEST_F(FolderWatchTest, AFolderThatMovesIsTheSameElsewhere) {
  Write("old/sub/a");
  ASSERT_TRUE(Scan());
  fs::rename(home.path() / "old", home.path() / "new");
  watch.Take();
  EXPECT_THAT(elsewhere, ElementsAre("old"));
  EXPECT_TRUE(seen.contains("new/sub/a"));
  Write("new/sub/b");
  watch.Take();
  EXPECT_THAT(changed, ElementsAre("new/sub/b"));
}

TEST_F(FolderWatchTest, LostEventsAreKnown) {
  ASSERT_TRUE(Scan());
  size_t limit = 16384;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
  if (limit > 100'000) GTEST_SKIP() << "the queue of events is too long to fill";
  for (size_t i = 0; i <= limit; ++i) {  // two names: equal events in a row become one
    const Descriptor file(
        ::open((home.path() / (i % 2 == 0 ? "a" : "b")).c_str(), O_WRONLY | O_CREAT, 0600));
    ASSERT_TRUE(file);
  }
  fs::create_directory(home.path() / "unheard-of");
  Write("unheard-of/c");
  for (size_t i = 0; i < limit && !watch.overflowed(); ++i) watch.Take();
  EXPECT_TRUE(watch.overflowed());
  EXPECT_TRUE(Scan());
  EXPECT_FALSE(watch.overflowed());
  EXPECT_TRUE(seen.contains("unheard-of/c"));
  Write("unheard-of/d");
  watch.Take();
  EXPECT_TRUE(changed.contains("unheard-of/d"));
}

TEST_F(FolderWatchTest, TooManyFoldersAreScannedButNotWatched) {
  for (int i = 0; i < 200; ++i) Write(fmt::format("{}/f", i));
  EXPECT_TRUE(Scan());
  EXPECT_FALSE(watch.watches_all());
  EXPECT_EQ(seen.size(), 200u);
}

TEST_F(FolderWatchTest, TheEndOfTheFolderItselfIsSeen) {
  Write("a/b");
  ASSERT_TRUE(Scan());
  const fs::path away = home.path().string() + ".away";
  fs::rename(home.path(), away);
  watch.Take();
  EXPECT_FALSE(watch.watches_all());
  EXPECT_FALSE(Scan());
  fs::rename(away, home.path());
  EXPECT_TRUE(Scan());
  EXPECT_TRUE(watch.watches_all());
}

TEST_F(FolderWatchTest, AScanEndsWhenItShould) {
  Write("a/b/c");
  EXPECT_FALSE(watch.Scan([] { return true; }));
  EXPECT_THAT(seen, IsEmpty());
}

}  // namespace
}  // namespace berth::storage
