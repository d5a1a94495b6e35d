#include "storage/checksum.h"

#include <gtest/gtest.h>

namespace berth::storage {
namespace {

TEST(Checksum, MatchesThePublishedCheckValues) {
  EXPECT_EQ(CrcOf(Crc::kCrc32, "123456789"), 0xCBF43926u);
  EXPECT_EQ(CrcOf(Crc::kCrc32c, "123456789"), 0xE3069283u);
  EXPECT_EQ(CrcOf(Crc::kCrc64nvme, "123456789"), 0xAE8B14860A799888u);
  EXPECT_EQ(CrcText(Crc::kCrc32, 0xCBF43926u), "y/Q5Jg==");
  EXPECT_EQ(CrcText(Crc::kCrc64nvme, 0xAE8B14860A799888u), "rosUhgp5mIg=");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Md5().Hex(), "d41d8cd98f00b204e9800998ecf8427e");
}

TEST(Checksum, PiecesAddUpToTheWhole) {
  for (const Crc kind : {Crc::kCrc32, Crc::kCrc32c, Crc::kCrc64nvme}) {
    const uint64_t whole = CrcOf(kind, "123456789");
    EXPECT_EQ(CrcOf(kind, "456789", CrcOf(kind, "123")), whole);
    EXPECT_EQ(CrcCombine(kind, CrcOf(kind, "123"), CrcOf(kind, "456789"), 6), whole);
    EXPECT_EQ(CrcCombine(kind, whole, CrcOf(kind, ""), 0), whole);
  }
  Md5 md5;
  md5.Add("ab");
  md5.Add("c");
  EXPECT_EQ(md5.Hex(), "900150983cd24fb0d6963f7d28e17f72");
}

}  // namespace
}  // namespace berth::storage
