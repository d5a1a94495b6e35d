#include "serving/transport/arena.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <set>

namespace berth::serving::transport {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

std::unique_ptr<Arena> Make(uint64_t payload = kMiB, uint64_t large_bytes = 8 * kMiB) {
  auto arena = Arena::Make(
      {.small_slots = 4, .large_slots = 3, .payload = payload, .large_bytes = large_bytes});
  EXPECT_TRUE(arena.has_value());
  return *std::move(arena);
}

uint64_t PagesOf(const Arena& arena) {
  struct stat about{};
  ::fstat(arena.descriptor(), &about);
  return static_cast<uint64_t>(about.st_blocks) * 512;
}

TEST(Arena, SlotsDoNotOverlapAndComeBack) {
  const auto arena = Make();
  std::set<const char*> bodies;
  {
    std::vector<SlotLease> leases;
    for (int i = 0; i < 4; ++i) leases.push_back(*arena->TakeSmall());
    for (int i = 0; i < 3; ++i) leases.push_back(*arena->TakeLarge(kMiB));
    EXPECT_FALSE(arena->TakeSmall().has_value());
    EXPECT_FALSE(arena->TakeLarge(1).has_value());
    for (size_t i = 0; i < leases.size(); ++i) {
      std::memset(leases[i].body().data(), static_cast<int>(i + 1), leases[i].body().size());
    }
    for (size_t i = 0; i < leases.size(); ++i) {
      EXPECT_EQ(leases[i].body().front(), static_cast<char>(i + 1));
      EXPECT_EQ(leases[i].body().back(), static_cast<char>(i + 1));
      bodies.insert(leases[i].body().data());
    }
    EXPECT_EQ(arena->taken(), 7U);
  }
  EXPECT_EQ(bodies.size(), 7U);
  EXPECT_EQ(arena->taken(), 0U);
  EXPECT_TRUE(arena->TakeSmall().has_value());
}

TEST(Arena, ASlotThatAWorkerKeepsIsNotGivenToOthers) {
  const auto arena = Make();
  uint32_t number = 0;
  {
    const auto lease = arena->TakeSmall();
    number = lease->number();
    arena->Hold(number);
  }
  EXPECT_EQ(arena->taken(), 1U);
  std::vector<SlotLease> others;
  while (auto other = arena->TakeSmall()) {
    EXPECT_NE(other->number(), number);
    others.push_back(*std::move(other));
  }
  EXPECT_EQ(others.size(), 3U);
  arena->Drop(number);
  EXPECT_EQ(arena->TakeSmall()->number(), number);
}

TEST(Arena, LargeBodiesHaveALimitTogether) {
  const auto arena = Make(4 * kMiB, 5 * kMiB);
  auto first = arena->TakeLarge(4 * kMiB);
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(arena->HasLarge(2 * kMiB));
  EXPECT_FALSE(arena->TakeLarge(2 * kMiB).has_value());
  EXPECT_TRUE(arena->TakeLarge(kMiB).has_value());
  first = {};
  EXPECT_TRUE(arena->TakeLarge(4 * kMiB).has_value());
  EXPECT_FALSE(arena->TakeLarge(4 * kMiB + 1).has_value());
}

TEST(Arena, ManyLargeBodiesGiveTheirMemoryBack) {
  const auto arena = Make(64 * kMiB, 1024 * kMiB);
  {
    std::vector<SlotLease> leases;
    for (int i = 0; i < 3; ++i) {
      leases.push_back(*arena->TakeLarge(40 * kMiB));
      std::memset(leases.back().body().data(), 1, 40 * kMiB);
    }
    EXPECT_GE(PagesOf(*arena), 120 * kMiB);
  }
  EXPECT_LE(PagesOf(*arena), 65 * kMiB);
}

TEST(Arena, NobodyCanMakeItShorter) {
  const auto arena = Make();
  EXPECT_NE(::ftruncate(arena->descriptor(), 4096), 0);
  EXPECT_NE(::fcntl(arena->descriptor(), F_ADD_SEALS, F_SEAL_WRITE), 0);
}

TEST(Arena, ASlotBeginsWithoutAnAnswer) {
  const auto arena = Make();
  for (int round = 0; round < 2; ++round) {
    auto lease = arena->TakeSmall();
    EXPECT_EQ(lease->response().kind, 0U);
    const_cast<ResponseDescriptor&>(lease->response()).kind = 1;
  }
}

}  // namespace
}  // namespace berth::serving::transport
