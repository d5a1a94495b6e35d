#include "platform/hosts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::platform {
namespace {

using testing::ElementsAre;

std::vector<std::string> Names(const std::vector<Host>& hosts) {
  std::vector<std::string> names;
  for (const Host& host : hosts) names.push_back(host.name);
  return names;
}

/// algo-1 in group "a", algo-2 and algo-3 in group "b".
TrainingJob TwoGroups() {
  TrainingJob job;
  job.groups = {{.name = "a"}, {.name = "b", .count = 2}};
  job.hosts = HostsOf(job.groups);
  return job;
}

TEST(HostsOf, AreSortedByName) {
  EXPECT_THAT(Names(HostsOf({{.count = 11}})),
              ElementsAre("algo-1", "algo-10", "algo-11", "algo-2", "algo-3", "algo-4", "algo-5",
                          "algo-6", "algo-7", "algo-8", "algo-9"));
}

TEST(HostsOf, AreNumberedThroughTheGroups) {
  const std::vector<Host> hosts = TwoGroups().hosts;
  EXPECT_THAT(Names(hosts), ElementsAre("algo-1", "algo-2", "algo-3"));
  EXPECT_EQ(hosts[0].group, 0U);
  EXPECT_EQ(hosts[1].group, 1U);
  EXPECT_EQ(hosts[2].group, 1U);
  EXPECT_EQ(hosts[2].number, 3U);
}

TEST(ShareOf, IsAllOfAReplicatedChannel) {
  const auto share = ShareOf({}, TwoGroups(), 2);
  ASSERT_TRUE(share);
  EXPECT_EQ(share->host, 0U);
  EXPECT_EQ(share->hosts, 1U);
}

TEST(ShareOf, CountsTheHostsOfTheChannelsGroups) {
  const Channel channel{.groups = {"b"}, .sharded = true};
  const TrainingJob job = TwoGroups();
  EXPECT_THAT(HostsWith(channel, job), ElementsAre(1, 2));
  EXPECT_FALSE(ShareOf(channel, job, 0));
  const auto share = ShareOf(channel, job, 2);
  ASSERT_TRUE(share);
  EXPECT_EQ(share->host, 1U);
  EXPECT_EQ(share->hosts, 2U);
}

TEST(NamesText, IsBounded) {
  EXPECT_EQ(NamesText({"a", "b"}), "a, b");
  EXPECT_EQ(NamesText({"a", "b", "c", "d", "e", "f"}), "a, b, c, d and 2 more");
}

}  // namespace
}  // namespace berth::platform
