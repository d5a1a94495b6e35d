#include "process/memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace berth::process {
namespace {

TEST(Memory, TheMachineHasSomeAndAPartOfItIsAvailable) {
  EXPECT_GT(MemoryLimit(), uint64_t{16} << 20);
  EXPECT_GT(AvailableMemory(), 0U);
  EXPECT_LE(AvailableMemory(), MemoryLimit());
}

TEST(Memory, OfThisProcess) {
  const auto resident = ResidentMemory(::getpid());
  const auto own = PrivateMemory(::getpid());
  ASSERT_TRUE(resident && own);
  EXPECT_GT(*own, 0U);
  EXPECT_GE(*resident + (uint64_t{1} << 20), *own);
}

TEST(Memory, OfAProcessThatIsGone) {
  EXPECT_FALSE(ResidentMemory(0x3fffffff).has_value());
  EXPECT_FALSE(PrivateMemory(0x3fffffff).has_value());
}

}  // namespace
}  // namespace berth::process
