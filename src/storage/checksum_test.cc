#include "storage/checksum.h"

#include <gtest/gtest.h>

namespace berth::storage {
namespace {

TEST(Checksum, MatchesThePublishedCheckValues) {
  EXPECT_EQ(Crc32("123456789"), 0xCBF43926u);
  EXPECT_EQ(Crc32Text(0xCBF43926u), "y/Q5Jg==");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Md5().Hex(), "d41d8cd98f00b204e9800998ecf8427e");
}

TEST(Checksum, PiecesAddUpToTheWhole) {
  EXPECT_EQ(Crc32("456789", Crc32("123")), Crc32("123456789"));
  EXPECT_EQ(Crc32Combine(Crc32("123"), Crc32("456789"), 6), Crc32("123456789"));
  EXPECT_EQ(Crc32Combine(Crc32("123"), Crc32(""), 0), Crc32("123"));
  Md5 md5;
  md5.Add("ab");
  md5.Add("c");
  EXPECT_EQ(md5.Hex(), "900150983cd24fb0d6963f7d28e17f72");
}

}  // namespace
}  // namespace berth::storage
