#include "cluster/handshake.h"

#include <gtest/gtest.h>

namespace berth::cluster {
namespace {

using Hub = HubHandshake::State;
using Member = MemberHandshake::State;

constexpr size_t kChallengeSize = 8 + kDigestSize;

/// A hub and a member, and what is on its way to each.
struct Pair {
  explicit Pair(const std::string& hub_key = "key", const std::string& member_key = "key")
      : hub(hub_key, "algo-1"), member(member_key, "algo-1", "algo-2") {}

  Hub FeedHub(std::string bytes) { return hub.Feed(bytes, to_member); }
  Member FeedMember(std::string bytes) { return member.Feed(bytes, to_hub); }
  /// Up to the member's proof, which is what is given.
  std::string Proof() {
    EXPECT_EQ(FeedHub(member.Hello()), Hub::kMore);
    EXPECT_EQ(to_member.size(), kChallengeSize);
    EXPECT_EQ(FeedMember(to_member), Member::kMore);
    to_member.clear();
    return to_hub;
  }

  HubHandshake hub;
  MemberHandshake member;
  std::string to_hub;
  std::string to_member;
};

TEST(Handshake, BothProveTheKeyAndHaveTheSameSession) {
  Pair pair;
  ASSERT_EQ(pair.FeedHub(pair.Proof()), Hub::kProved);
  EXPECT_EQ(pair.hub.member(), "algo-2");
  EXPECT_EQ(pair.FeedMember(pair.hub.Answer(Verdict::kWelcome)), Member::kWelcome);
  EXPECT_EQ(pair.hub.keys().to_hub, pair.member.keys().to_hub);
  EXPECT_EQ(pair.hub.keys().to_member, pair.member.keys().to_member);
  EXPECT_NE(pair.hub.keys().to_hub, pair.hub.keys().to_member);
}

TEST(Handshake, NoTwoConnectionsHaveTheSameSession) {
  Pair one;
  Pair two;
  ASSERT_EQ(one.FeedHub(one.Proof()), Hub::kProved);
  ASSERT_EQ(two.FeedHub(two.Proof()), Hub::kProved);
  EXPECT_NE(one.hub.keys().to_hub, two.hub.keys().to_hub);
}

TEST(Handshake, BytesMayComeOneByOneAndFramesBehindThem) {
  Pair pair;
  std::string input;
  for (const char byte : pair.member.Hello()) {
    input += byte;
    ASSERT_EQ(pair.hub.Feed(input, pair.to_member), Hub::kMore);
  }
  std::string of_member;
  for (const char byte : pair.to_member) {
    of_member += byte;
    ASSERT_EQ(pair.member.Feed(of_member, pair.to_hub), Member::kMore);
  }
  for (const char byte : pair.to_hub.substr(0, kDigestSize - 1)) {
    input += byte;
    ASSERT_EQ(pair.hub.Feed(input, pair.to_member), Hub::kMore);
  }
  input += pair.to_hub.substr(kDigestSize - 1) + "frames";
  ASSERT_EQ(pair.hub.Feed(input, pair.to_member), Hub::kProved);
  EXPECT_EQ(input, "frames");
  of_member = pair.hub.Answer(Verdict::kWelcome) + "frames";
  ASSERT_EQ(pair.member.Feed(of_member, pair.to_hub), Member::kWelcome);
  EXPECT_EQ(of_member, "frames");
}

TEST(Handshake, RefusalsAreProvedToo) {
  Pair unknown;
  ASSERT_EQ(unknown.FeedHub(unknown.Proof()), Hub::kProved);
  EXPECT_EQ(unknown.FeedMember(unknown.hub.Answer(Verdict::kUnknownName)), Member::kUnknownName);
  Pair taken;
  ASSERT_EQ(taken.FeedHub(taken.Proof()), Hub::kProved);
  EXPECT_EQ(taken.FeedMember(taken.hub.Answer(Verdict::kTaken)), Member::kTaken);
  Pair altered;
  ASSERT_EQ(altered.FeedHub(altered.Proof()), Hub::kProved);
  std::string verdict = altered.hub.Answer(Verdict::kTaken);
  verdict[0] = static_cast<char>(Verdict::kWelcome);
  EXPECT_EQ(altered.FeedMember(verdict), Member::kWrongKey);
}

TEST(Handshake, AnotherKeyIsSeenByBothEnds) {
  Pair pair("key", "another");
  ASSERT_EQ(pair.FeedHub(pair.Proof()), Hub::kWrongKey);
  // Nothing in it that keys could be tried against.
  EXPECT_EQ(pair.to_member, "\x03" + std::string(kDigestSize, '\0'));
  EXPECT_EQ(pair.FeedMember(pair.to_member), Member::kWrongKey);
}

TEST(Handshake, AHubThatDoesNotKnowTheKeyIsNotBelieved) {
  Pair pair("guess", "key");
  pair.Proof();
  EXPECT_EQ(pair.FeedMember(pair.hub.Answer(Verdict::kWelcome)), Member::kWrongKey);
}

TEST(Handshake, AMemberIsNotShownItsOwnProof) {
  Pair pair;
  const std::string proof = pair.Proof();
  EXPECT_EQ(pair.FeedMember(std::string(1, '\0') + proof), Member::kWrongKey);
}

TEST(Handshake, AProofIsGoodForOneConnectionAndOneNameOnly) {
  Pair heard;
  const std::string proof = heard.Proof();
  Pair again;
  again.Proof();
  EXPECT_EQ(again.FeedHub(proof), Hub::kWrongKey);

  Pair renamed;
  std::string hello = renamed.member.Hello();
  hello.replace(hello.find("algo-2"), 6, "algo-3");
  ASSERT_EQ(renamed.FeedHub(hello), Hub::kMore);
  ASSERT_EQ(renamed.FeedMember(renamed.to_member), Member::kMore);
  EXPECT_EQ(renamed.FeedHub(renamed.to_hub), Hub::kWrongKey);

  // The member meant another hub.
  HubHandshake other("key", "algo-9");
  MemberHandshake member("key", "algo-1", "algo-2");
  std::string to_hub = member.Hello();
  std::string to_member;
  ASSERT_EQ(other.Feed(to_hub, to_member), Hub::kMore);
  ASSERT_EQ(member.Feed(to_member, to_hub), Member::kMore);
  EXPECT_EQ(other.Feed(to_hub, to_member), Hub::kWrongKey);
}

TEST(Handshake, StrangersAreKnownByTheirFirstBytes) {
  EXPECT_EQ(Pair().FeedHub("GET / HTTP/1.1\r\n"), Hub::kStranger);
  EXPECT_EQ(Pair().FeedHub("\x16"), Hub::kStranger);
  EXPECT_EQ(Pair().FeedHub(std::string("BERTHLK1\0", 9)), Hub::kStranger);
  EXPECT_EQ(Pair().FeedMember("SSH-2.0-OpenSSH_9.2\r\n"), Member::kStranger);
  EXPECT_EQ(Pair().FeedHub(""), Hub::kMore);
}

TEST(Handshake, AnotherVersionIsSeenByBothEnds) {
  Pair pair;
  EXPECT_EQ(pair.FeedHub("BERTHLK2"), Hub::kOtherVersion);
  EXPECT_EQ(pair.to_member, "BERTHLK1");
  EXPECT_EQ(Pair().FeedMember("BERTHLK2"), Member::kOtherVersion);
}

TEST(Handshake, TheLongestNameFits) {
  const std::string name(255, 'x');
  HubHandshake hub("key", "algo-1");
  MemberHandshake member("key", "algo-1", name);
  std::string to_hub = member.Hello();
  std::string to_member;
  ASSERT_EQ(hub.Feed(to_hub, to_member), Hub::kMore);
  EXPECT_TRUE(to_hub.empty());
  EXPECT_EQ(hub.member(), name);
  ASSERT_EQ(member.Feed(to_member, to_hub), Member::kMore);
  EXPECT_EQ(hub.Feed(to_hub, to_member), Hub::kProved);
}

}  // namespace
}  // namespace berth::cluster
