#include "storage/inflater.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace berth::storage {
namespace {

std::string Gzip(std::string_view text) {
  z_stream zlib{};
  EXPECT_EQ(deflateInit2(&zlib, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(text.size() + 100, '\0');
  std::string input(text);
  zlib.next_in = reinterpret_cast<Bytef*>(input.data());
  zlib.avail_in = static_cast<uInt>(input.size());
  zlib.next_out = reinterpret_cast<Bytef*>(packed.data());
  zlib.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&zlib, Z_FINISH), Z_STREAM_END);
  packed.resize(packed.size() - zlib.avail_out);
  deflateEnd(&zlib);
  return packed;
}

// What comes out, or the message.
std::string Inflated(std::string bytes, Inflater::Takes takes) {
  const ByteSource source = [&bytes](std::span<char> buffer) -> Result<size_t> {
    const size_t n = std::min<size_t>(buffer.size(), bytes.size());
    std::copy_n(bytes.begin(), n, buffer.begin());
    bytes.erase(0, n);
    return n;
  };
  Inflater inflater(source, UINT64_MAX, takes);
  std::string whole;
  for (;;) {
    const auto more = inflater.Next();
    if (!more) return more.error().message();
    if (more->empty()) return whole;
    whole.append(more->data(), more->size());
  }
}

TEST(Inflater, TakesNothingButGzipWhereThatIsAskedFor) {
  const std::string packed = Gzip("one ");
  EXPECT_EQ(Inflated(packed + Gzip("two"), Inflater::Takes::kGzip), "one two");
  EXPECT_EQ(Inflated(packed + std::string(3, '\0'), Inflater::Takes::kGzip), "one ");
  EXPECT_EQ(Inflated("", Inflater::Takes::kGzip), "");
  EXPECT_EQ(Inflated("plain text", Inflater::Takes::kGzip),
            "it is not gzip: compress it so, or leave the CompressionType out");
  EXPECT_EQ(Inflated(packed + "plain text", Inflater::Takes::kGzip),
            "the archive is damaged: something follows its end; make it, or copy it, once more");
  EXPECT_EQ(Inflated("plain text", Inflater::Takes::kAnything), "plain text");
  EXPECT_EQ(Inflated(packed + "plain text", Inflater::Takes::kAnything), "one ");
}

}  // namespace
}  // namespace berth::storage
