#include "storage/read_ahead.h"

#include <gtest/gtest.h>

namespace berth::storage {
namespace {

constexpr size_t kMost = 8;

TEST(ReadAhead, GrowsForWhoeverReadsOn) {
  ReadAhead ahead;
  EXPECT_EQ(ahead.Next(0, false, kMost), 0u);
  EXPECT_FALSE(ahead.sequential());
  EXPECT_EQ(ahead.Next(0, true, kMost), 1u);
  EXPECT_EQ(ahead.Next(1, false, kMost), 2u);
  EXPECT_TRUE(ahead.sequential());
  EXPECT_EQ(ahead.Next(1, true, kMost), 2u);
  EXPECT_EQ(ahead.Next(2, false, kMost), 4u);
  EXPECT_EQ(ahead.Next(3, false, kMost), 8u);
  for (uint64_t piece = 4; piece < 1000; ++piece) {
    EXPECT_EQ(ahead.Next(piece, false, kMost), kMost);
  }
}

TEST(ReadAhead, IsNothingForWhoeverJumps) {
  ReadAhead ahead;
  for (const uint64_t piece : {5, 9, 2, 100, 50}) {
    EXPECT_EQ(ahead.Next(piece, true, kMost), 0u) << piece;
    EXPECT_FALSE(ahead.sequential());
  }
}

TEST(ReadAhead, BeginsAgainAfterAJump) {
  ReadAhead ahead;
  for (uint64_t piece = 0; piece < 5; ++piece) ahead.Next(piece, false, kMost);
  EXPECT_EQ(ahead.Next(50, false, kMost), 0u);
  EXPECT_EQ(ahead.Next(51, false, kMost), 2u);
}

TEST(ReadAhead, IsNotMisledByReadsThatOvertakeEachOther) {
  ReadAhead ahead;
  ahead.Next(0, true, kMost);
  ahead.Next(1, false, kMost);
  EXPECT_EQ(ahead.Next(0, true, kMost), 2u);
  EXPECT_EQ(ahead.Next(1, false, kMost), 2u);
  EXPECT_EQ(ahead.Next(2, false, kMost), 4u);
}

TEST(ReadAhead, IsNeverMoreThanThereIsRoomFor) {
  ReadAhead ahead;
  for (uint64_t piece = 0; piece < 100; ++piece) EXPECT_LE(ahead.Next(piece, true, 3), 3u);
  EXPECT_EQ(ahead.Next(100, true, 0), 0u);
}

}  // namespace
}  // namespace berth::storage
