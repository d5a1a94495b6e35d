#include "platform/progress.h"

#include <gtest/gtest.h>

namespace berth::platform {
namespace {

using std::chrono::milliseconds;

TEST(Progress, GoesFromProcessToProcess) {
  const auto read = ReadProgress(
      ProgressText({.bytes = 1, .total_bytes = UINT64_MAX, .files = 3, .total_files = 4}));
  EXPECT_EQ(read.bytes, 1U);
  EXPECT_EQ(read.total_bytes, UINT64_MAX);
  EXPECT_EQ(read.files, 3U);
  EXPECT_EQ(read.total_files, 4U);
}

TEST(Progress, OfAnotherShapeIsNone) {
  for (const char* text : {"", "1", "1 2 3", "a b c d", "-1 2 3 4"}) {
    EXPECT_EQ(ReadProgress(text).total_files, 0U) << text;
  }
}

TEST(Progress, LineHasBytesFilesRateAndTimeLeft) {
  EXPECT_EQ(
      ProgressLine("Downloading",
                   {.bytes = 10'000'000, .total_bytes = 40'000'000, .files = 2, .total_files = 8},
                   milliseconds(2000)),
      "Downloading 10 MB of 40 MB, 2 of 8 files, 5 MB/s, 0:06 left");
}

TEST(Progress, ManySmallFilesTakeTimeToo) {
  EXPECT_EQ(ProgressLine("Downloading",
                         {.bytes = 100, .total_bytes = 100, .files = 400, .total_files = 4000},
                         milliseconds(10'000)),
            "Downloading 100 B of 100 B, 400 of 4000 files, 10 B/s, 1:29 left");
}

TEST(Progress, LineHasNoRateBeforeAnythingMoved) {
  EXPECT_EQ(ProgressLine("Uploading", {.bytes = 0, .total_bytes = 7, .files = 0, .total_files = 1},
                         milliseconds(2000)),
            "Uploading 0 B of 7 B, 0 of 1 files");
  EXPECT_EQ(ProgressLine("Uploading", {.bytes = 7, .total_bytes = 7, .files = 1, .total_files = 1},
                         milliseconds(1000)),
            "Uploading 7 B of 7 B, 1 of 1 files, 7 B/s");
}

}  // namespace
}  // namespace berth::platform
