#include "serving/transport/channel.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

#include "serving/transport/layout.h"

namespace berth::serving::transport {
namespace {

/// The worker's side, as python/berth_worker/channel.py has it.
class Worker {
 public:
  explicit Worker(const Channel& channel)
      : channel_(channel),
        ring_(static_cast<uint32_t*>(
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, channel.ring(), 0))) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() { ::munmap(ring_, 4096); }

  std::optional<uint32_t> Claim() {
    uint64_t one = 0;
    if (::read(channel_.ready(), &one, sizeof one) != sizeof one) return std::nullopt;
    EXPECT_EQ(one, 1U);
    return ring_[head_++ % kRingEntries];
  }
  void Finish() {
    const uint64_t one = 1;
    EXPECT_EQ(::write(channel_.done(), &one, sizeof one), ssize_t{sizeof one});
  }

 private:
  const Channel& channel_;
  uint32_t* ring_;
  uint64_t head_ = 0;
};

TEST(Channel, RequestsArriveInOrderOnceTold) {
  auto channel = Channel::Make();
  ASSERT_TRUE(channel.has_value());
  Worker worker(*channel);
  channel->Push(7);
  channel->Push(3);
  EXPECT_FALSE(worker.Claim().has_value());
  channel->Tell();
  EXPECT_EQ(worker.Claim(), 7U);
  EXPECT_EQ(worker.Claim(), 3U);
  EXPECT_FALSE(worker.Claim().has_value());
  worker.Finish();
  worker.Finish();
  EXPECT_EQ(channel->Finished(), 2U);
  EXPECT_EQ(channel->Finished(), 0U);
}

TEST(Channel, WhatIsNotClaimedCanBeTakenBack) {
  auto channel = Channel::Make();
  ASSERT_TRUE(channel.has_value());
  Worker worker(*channel);
  for (uint32_t slot = 0; slot < 5; ++slot) channel->Push(slot);
  channel->Tell();
  EXPECT_EQ(worker.Claim(), 0U);
  channel->Push(5);  // not told yet
  EXPECT_EQ(channel->Recall(), 5U);
  EXPECT_FALSE(worker.Claim().has_value());
  // The ring goes on where the worker is.
  channel->Push(40);
  channel->Tell();
  EXPECT_EQ(worker.Claim(), 40U);
}

TEST(Channel, EachRequestIsClaimedOnceAroundTheRingManyTimes) {
  auto channel = Channel::Make();
  ASSERT_TRUE(channel.has_value());
  Worker worker(*channel);
  std::vector<uint32_t> claimed;
  uint32_t next = 0;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 16; ++i) channel->Push(next + static_cast<uint32_t>(i));
    channel->Tell();
    for (int i = 0; i < round % 16; ++i) claimed.push_back(*worker.Claim());
    EXPECT_EQ(channel->Recall(), 16U - static_cast<uint32_t>(round % 16));
    next += static_cast<uint32_t>(round % 16);
  }
  ASSERT_EQ(claimed.size(), next);
  for (uint32_t i = 0; i < next; ++i) EXPECT_EQ(claimed[i], i);
}

}  // namespace
}  // namespace berth::serving::transport
