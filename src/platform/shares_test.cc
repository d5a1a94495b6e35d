#include "platform/shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace berth::platform {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Shares, OfOneHostIsAllInOrder) {
  EXPECT_THAT(OrderOf(4, std::nullopt, 0), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(OrderOf(0, 7, 3), IsEmpty());
}

TEST(Shares, OfSeveralHostsAreAllTogetherAndDifferByOneAtMost) {
  for (size_t count = 0; count < 12; ++count) {
    for (size_t hosts = 1; hosts < 6; ++hosts) {
      for (const std::optional<uint64_t> seed : {std::optional<uint64_t>(), {7}}) {
        std::multiset<size_t> seen;
        for (size_t host = 0; host < hosts; ++host) {
          const auto share = OrderOf(count, seed, 1, {host, hosts});
          EXPECT_GE(share.size(), count / hosts);
          EXPECT_LE(share.size(), (count + hosts - 1) / hosts);
          seen.insert(share.begin(), share.end());
        }
        EXPECT_EQ(seen.size(), count);
        EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), count);
      }
    }
  }
}

TEST(Shares, WithoutASeedAreTheSameInEveryEpoch) {
  EXPECT_THAT(OrderOf(7, std::nullopt, 0, {1, 3}), ElementsAre(1, 4));
  EXPECT_THAT(OrderOf(7, std::nullopt, 9, {1, 3}), ElementsAre(1, 4));
}

TEST(Shares, SeedAndEpochSettleTheOrder) {
  const auto first = OrderOf(50, 7, 0);
  EXPECT_EQ(OrderOf(50, 7, 0), first);
  EXPECT_NE(OrderOf(50, 7, 1), first);
  EXPECT_NE(OrderOf(50, 8, 0), first);
  EXPECT_TRUE(std::ranges::is_permutation(first, OrderOf(50, std::nullopt, 0)));
}

TEST(Shares, AreShuffledAlikeOnEveryMachine) {
  // Whoever changes this changes the order of data in jobs that are to be repeated.
  EXPECT_THAT(OrderOf(8, 7, 0), ElementsAre(2, 0, 5, 4, 1, 7, 6, 3));
}

TEST(Shares, WithASeedChangeFromEpochToEpoch) {
  EXPECT_NE(OrderOf(40, 7, 0, {0, 4}), OrderOf(40, 7, 1, {0, 4}));
}

}  // namespace
}  // namespace berth::platform
