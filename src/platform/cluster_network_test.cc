#include "platform/cluster_network.h"

#include <gtest/gtest.h>

namespace berth::platform {
namespace {

TEST(ClusterHostsFile, NamesEveryHost) {
  EXPECT_EQ(ClusterHostsFile(2), "127.0.0.1\tlocalhost\n10.0.0.1\talgo-1\n10.0.0.2\talgo-2\n");
  EXPECT_NE(ClusterHostsFile(300).find("10.0.1.44\talgo-300\n"), std::string::npos);
}

}  // namespace
}  // namespace berth::platform
