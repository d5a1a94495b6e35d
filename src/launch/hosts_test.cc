#include "launch/hosts.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>

#include "core/descriptor.h"

namespace berth::launch {
namespace {

using std::chrono::milliseconds;

TEST(Hosts, AllAreAskedAgainUntilTheLastOneResolves) {
  std::mutex mutex;
  std::map<std::string, int> asked;
  const auto resolve = [&](const std::string& host) {
    const std::lock_guard lock(mutex);
    return ++asked[host] > (host == "algo-2" ? 3 : 0);
  };
  EXPECT_TRUE(WaitForHosts({"algo-1", "algo-2", "algo-3"}, milliseconds(60'000), -1, resolve));
  EXPECT_EQ(asked["algo-1"], 1);
  EXPECT_EQ(asked["algo-2"], 4);
}

TEST(Hosts, TheErrorNamesThoseThatDidNotResolve) {
  const auto resolve = [](const std::string& host) { return host == "algo-1"; };
  const auto result = WaitForHosts({"algo-1", "algo-2", "algo-3"}, milliseconds(0), -1, resolve);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(),
            "host name(s) did not resolve within 0 s: algo-2, algo-3; check that these hosts of "
            "resourceconfig.json were started and share a network with this one");
}

TEST(Hosts, ASignalEndsTheWait) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  ASSERT_TRUE(WriteAll(pipe->write.get(), "x", 1));
  const auto result = WaitForHosts({"algo-2"}, milliseconds(600'000), pipe->read.get(),
                                   [](const std::string&) { return false; });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "stopped while waiting for host name(s) to resolve: algo-2");
}

TEST(Hosts, ThisMachineResolvesLocalhost) {
  EXPECT_TRUE(ResolveHost("localhost"));
}

TEST(Hosts, AThousandNamesAreFine) {
  std::vector<std::string> hosts;
  for (int i = 0; i < 1000; ++i) hosts.push_back("algo-" + std::to_string(i));
  std::atomic<int> asked = 0;
  EXPECT_TRUE(WaitForHosts(hosts, milliseconds(60'000), -1, [&](const std::string&) {
    ++asked;
    return true;
  }));
  EXPECT_EQ(asked.load(), 1000);
}

}  // namespace
}  // namespace berth::launch
