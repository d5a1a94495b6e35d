#include "storage/verifier.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <thread>

namespace berth::storage {
namespace {

struct Stored {
  std::string bytes;
  ReadBack read_back = [this](char* buffer, size_t size, uint64_t offset) {
    if (offset + size > bytes.size()) return false;
    std::memcpy(buffer, bytes.data() + offset, size);
    return true;
  };
};

ObjectFacts Facts(const std::string& content) {
  ObjectFacts facts;
  facts.info.size = content.size();
  Md5 md5;
  md5.Add(content);
  facts.info.etag = md5.Hex();
  facts.md5 = true;
  return facts;
}

bool Matches(const ObjectFacts& facts, Stored& stored, uint64_t piece,
             const std::vector<size_t>& order) {
  Verifier verifier(facts, piece, stored.read_back);
  std::vector<std::thread> threads;
  for (const size_t index : order) {
    threads.emplace_back([&, index] {
      verifier.Stored(index, verifier.Add(stored.bytes.substr(index * piece, piece), 0));
    });
  }
  for (std::thread& thread : threads) thread.join();
  return verifier.Matches();
}

TEST(Verifier, AcceptsTheWholeInAnyOrderAndNothingElse) {
  const std::string content(1'000'000, 'x');
  Stored good{content};
  Stored bad{content};
  bad.bytes[700'000] ^= 1;
  const std::vector<size_t> order{3, 0, 2, 1};

  ObjectFacts facts = Facts(content);
  EXPECT_TRUE(Matches(facts, good, 300'000, order));
  EXPECT_FALSE(Matches(facts, bad, 300'000, order));
  for (const Crc kind : {Crc::kCrc32, Crc::kCrc32c, Crc::kCrc64nvme}) {
    facts.crc = {kind, CrcText(kind, CrcOf(kind, content))};
    EXPECT_TRUE(Matches(facts, good, 300'000, order));
    EXPECT_FALSE(Matches(facts, bad, 300'000, order));
  }
}

TEST(Verifier, WithoutAChecksumThereIsNothingToCompare) {
  ObjectFacts facts = Facts("abc");
  facts.md5 = false;
  Stored other{"xyz"};
  EXPECT_TRUE(Matches(facts, other, 2, {0, 1}));
}

TEST(Verifier, AnEmptyObjectHasTheSumOfNothing) {
  Stored nothing;
  ObjectFacts facts = Facts("");
  EXPECT_TRUE(Matches(facts, nothing, 10, {}));
  facts.crc = {Crc::kCrc32, CrcText(Crc::kCrc32, 0)};
  EXPECT_TRUE(Matches(facts, nothing, 10, {}));
}

}  // namespace
}  // namespace berth::storage
