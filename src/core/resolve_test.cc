#include "core/resolve.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace berth {
namespace {

TEST(Resolve, ANumericAddressIsItself) {
  const auto four = ResolveAddresses("127.0.3.4", 80);
  ASSERT_TRUE(four);
  ASSERT_EQ(four->size(), 1U);
  EXPECT_EQ(four->front().HostText(), "127.0.3.4");
  EXPECT_EQ(reinterpret_cast<const sockaddr_in*>(four->front().get())->sin_port, htons(80));
  const auto six = ResolveAddresses("fd00::7", 80);
  ASSERT_TRUE(six);
  EXPECT_EQ(six->front().HostText(), "fd00::7");
}

TEST(Resolve, APeerThatCameByIPv4IsShownSo) {
  const auto mapped = ResolveAddresses("::ffff:10.1.2.3", 80);
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->front().HostText(), "10.1.2.3");
}

TEST(Resolve, ThisMachineKnowsLocalhost) {
  EXPECT_TRUE(ResolveAddresses("localhost", 80));
}

TEST(Resolve, TheErrorNamesTheHost) {
  const auto none = ResolveAddresses("not a name", 80);
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().message().starts_with("the name \"not a name\" does not resolve: "));
}

}  // namespace
}  // namespace berth
