#include "process/cgroup.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace berth::process {
namespace {

std::vector<std::string> Paths(std::string_view cgroup, std::string_view mountinfo,
                               std::string_view controller) {
  std::vector<std::string> paths;
  for (const auto& folder : CgroupFolders(cgroup, mountinfo, controller)) {
    paths.push_back(folder.path.string());
  }
  return paths;
}

using Strings = std::vector<std::string>;

TEST(Cgroup, VersionTwoIsBelowItsMount) {
  EXPECT_EQ(Paths("0::/user.slice/a b\n",
                  "31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n", ""),
            (Strings{"/sys/fs/cgroup/user.slice/a b", "/sys/fs/cgroup"}));
}

TEST(Cgroup, AControllerOfVersionOneIsAmongOthers) {
  const std::string mounts =
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "36 31 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  const std::string cgroup = "5:memory:/m\n4:cpu,cpuacct:/c\n0::/u\n";
  EXPECT_EQ(Paths(cgroup, mounts, "memory"),
            (Strings{"/sys/fs/cgroup/memory/m", "/sys/fs/cgroup/memory"}));
  EXPECT_EQ(Paths(cgroup, mounts, "cpu"),
            (Strings{"/sys/fs/cgroup/cpu,cpuacct/c", "/sys/fs/cgroup/cpu,cpuacct"}));
  EXPECT_EQ(Paths(cgroup, mounts, ""),
            (Strings{"/sys/fs/cgroup/unified/u", "/sys/fs/cgroup/unified"}));
  EXPECT_EQ(Paths(cgroup, mounts, "pids"), Strings{});
}

TEST(Cgroup, AContainersMountBeginsAtItsOwnGroup) {
  EXPECT_EQ(Paths("5:memory:/docker/abc\n",
                  "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
                  "memory"),
            (Strings{"/sys/fs/cgroup/memory"}));
  EXPECT_EQ(Paths("5:memory:/docker/abc/sub\n",
                  "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
                  "memory"),
            (Strings{"/sys/fs/cgroup/memory/sub", "/sys/fs/cgroup/memory"}));
}

TEST(Cgroup, ANamespaceMayHideThePrefix) {
  EXPECT_EQ(Paths("0::/../../x\n", "31 23 0:28 /../.. /cg rw - cgroup2 cgroup2 rw\n", ""),
            (Strings{"/cg"}));
  EXPECT_EQ(Paths("0::/\n", "31 23 0:28 / /sys/fs\\040x rw - cgroup2 cgroup2 rw\n", ""),
            (Strings{"/sys/fs x"}));
}

TEST(Cgroup, KeyedValuesAreFoundByTheirWholeKey) {
  const std::string text = "oom 3\noom_kill 7\noom_kill_disable 0\nmax x\n";
  EXPECT_EQ(KeyedValue(text, "oom_kill"), 7U);
  EXPECT_EQ(KeyedValue(text, "oom"), 3U);
  EXPECT_EQ(KeyedValue(text, "max"), std::nullopt);
  EXPECT_EQ(KeyedValue(text, "none"), std::nullopt);
}

}  // namespace
}  // namespace berth::process
