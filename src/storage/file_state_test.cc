#include "storage/file_state.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/descriptor.h"
#include "core/files.h"

namespace berth::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kWhen = 1'700'000'000'123'456'789;

FileState WrittenAt(int64_t when) {
  return {.inode = 1, .size = 10, .modified = when, .changed = when};
}

TEST(FileState, IsSettledATickAfterItsLastChange) {
  const FileState state = WrittenAt(kWhen);
  EXPECT_EQ(state.UntilSettled(kWhen), milliseconds(50));
  EXPECT_EQ(state.UntilSettled(kWhen + 20 * kMillisecond), milliseconds(30));
  EXPECT_TRUE(state.Settled(kWhen + 50 * kMillisecond));
  EXPECT_TRUE(state.Settled(kWhen + 5000 * kMillisecond));
}

TEST(FileState, TimeOfChangeCountsWhereTheOtherWasSetBack) {
  FileState state = WrittenAt(kWhen);
  state.modified = 0;
  EXPECT_FALSE(state.Settled(kWhen + 20 * kMillisecond));
}

TEST(FileState, FileSystemsWithWholeSecondsTakeLonger) {
  const int64_t second = 1'700'000'000'000'000'000;
  const FileState state = WrittenAt(second);
  EXPECT_EQ(state.UntilSettled(second + 500 * kMillisecond), milliseconds(1500));
  EXPECT_TRUE(state.Settled(second + 2000 * kMillisecond));
}

TEST(FileState, TimeInTheFutureIsSettledATickFromNow) {
  EXPECT_EQ(WrittenAt(kWhen).UntilSettled(kWhen - 3'600'000 * kMillisecond), milliseconds(50));
}

TEST(IsOpenForWriting, KnowsWritersFromReaders) {
  const std::string path = ::testing::TempDir() + "open_for_writing";
  ASSERT_TRUE(WriteFile(path, "abc"));
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(IsOpenForWriting(file.get()));
  Descriptor other(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(IsOpenForWriting(file.get()));
  other = Descriptor(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  EXPECT_TRUE(IsOpenForWriting(file.get()));
  other = Descriptor();
  EXPECT_FALSE(IsOpenForWriting(file.get()));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace berth::storage
