#include "process/tail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace berth::process {
namespace {

TEST(Tail, KeepsTheLastBytes) {
  for (const size_t capacity : {0U, 1U, 5U, 16U, 100U}) {
    Tail tail(capacity);
    std::string all;
    for (size_t i = 0; i < 40; ++i) {
      const std::string chunk(i % 7, static_cast<char>('a' + i % 26));
      tail.Append(chunk);
      all += chunk;
      EXPECT_EQ(tail.Text(), all.substr(all.size() - std::min(all.size(), capacity)));
    }
  }
}

}  // namespace
}  // namespace berth::process
