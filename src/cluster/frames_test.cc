#include "cluster/frames.h"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

namespace berth::cluster {
namespace {

Digest KeyOf(char byte) {
  Digest key;
  key.fill(byte);
  return key;
}

class Frames : public testing::Test {
 protected:
  std::string Sealed(std::string_view content, FrameKind kind = FrameKind::kMessage) {
    std::string bytes;
    sealer.Seal(kind, content, bytes);
    return bytes;
  }
  /// What one frame holds; "(more)" where it is not whole, "(bad)" where it is refused.
  static std::string Opened(FrameOpener& opener, std::string_view bytes) {
    Frame frame;
    const auto taken = opener.Next(bytes, frame);
    if (!taken) return "(bad)";
    return *taken ? std::string(frame.content) : "(more)";
  }

  FrameSealer sealer{KeyOf('a')};
  FrameOpener opener{KeyOf('a')};
};

TEST_F(Frames, ComeOutInOrderHoweverTheBytesAreCut) {
  std::string bytes = Sealed("{}");
  bytes += Sealed("", FrameKind::kHeartbeat);
  bytes += Sealed("", FrameKind::kBye);
  std::string kinds;
  std::string input;
  for (const char byte : bytes) {
    input += byte;
    std::string_view rest = input;
    Frame frame;
    const auto taken = opener.Next(rest, frame);
    ASSERT_TRUE(taken);
    if (!*taken) {
      EXPECT_EQ(rest.size(), input.size());
      continue;
    }
    kinds += static_cast<char>(frame.kind);
    EXPECT_EQ(frame.content, kinds == "m" ? "{}" : "");
    input.erase(0, input.size() - rest.size());
  }
  EXPECT_EQ(kinds, "mhb");
  EXPECT_TRUE(input.empty());
}

TEST_F(Frames, NoBitCanBeChangedUnseen) {
  const std::string good = Sealed("{}");
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = std::bit_cast<char>(
        static_cast<unsigned char>(static_cast<unsigned char>(bytes[bit / 8]) ^ (1U << (bit % 8))));
    FrameOpener fresh(KeyOf('a'));
    const std::string opened = Opened(fresh, bytes);
    EXPECT_TRUE(opened == "(bad)" || opened == "(more)") << bit;
  }
  EXPECT_EQ(Opened(opener, good), "{}");
}

TEST_F(Frames, NoneCanBeRepeatedOrLeftOut) {
  const std::string first = Sealed("1");
  const std::string second = Sealed("2");
  const std::string third = Sealed("3");
  FrameOpener skipping(KeyOf('a'));
  EXPECT_EQ(Opened(skipping, second), "(bad)");
  EXPECT_EQ(Opened(opener, first), "1");
  FrameOpener other = opener;
  EXPECT_EQ(Opened(other, first), "(bad)");
  other = opener;
  EXPECT_EQ(Opened(other, third), "(bad)");
  EXPECT_EQ(Opened(opener, second), "2");
}

TEST_F(Frames, NoneCanBeSentBack) {
  FrameOpener other_direction(KeyOf('b'));
  EXPECT_EQ(Opened(other_direction, Sealed("{}")), "(bad)");
}

TEST_F(Frames, ALengthThatCannotBeIsRefusedBeforeTheBytesCome) {
  const std::string limit{"\x00\x08\x00\x01", 4};
  ASSERT_EQ(kMaxMessage + 1, 0x80001U);
  EXPECT_EQ(Opened(opener, limit), "(more)");
  EXPECT_EQ(Opened(opener, std::string("\x00\x08\x00\x02", 4)), "(bad)");
  EXPECT_EQ(Opened(opener, "\xff\xff\xff\xff"), "(bad)");
  EXPECT_EQ(Opened(opener, std::string(4, '\0')), "(bad)");
}

TEST_F(Frames, TheLargestMessageFits) {
  const std::string content(kMaxMessage, 'x');
  EXPECT_EQ(Opened(opener, Sealed(content)), content);
}

TEST_F(Frames, AKindThatIsNotKnownIsRefused) {
  std::string_view bytes;
  const std::string sealed = Sealed("", static_cast<FrameKind>('z'));
  bytes = sealed;
  Frame frame;
  const auto taken = opener.Next(bytes, frame);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().message(), "it sent something unknown: is its berth of another version?");
}

}  // namespace
}  // namespace berth::cluster
