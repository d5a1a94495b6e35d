// Sums that S3 and we compare.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace berth::storage {

/// The sums of the x-amz-checksum-* headers that can be put together from those of pieces.
enum class Crc { kCrc32, kCrc32c, kCrc64nvme };

/// Of `bytes`, continued from that of the bytes before them.
uint64_t CrcOf(Crc kind, std::string_view bytes, uint64_t before = 0);

/// Of a followed by b, from theirs and b's length.
uint64_t CrcCombine(Crc kind, uint64_t a, uint64_t b, uint64_t length_of_b);

/// As S3 writes it: base64 of its bytes, the highest first.
std::string CrcText(Crc kind, uint64_t crc);

/// SHA-256 in lower-case hexadecimal: x-amz-content-sha256.
std::string Sha256Hex(std::string_view bytes);

/// An MD5 built up piece by piece; the ETag of most objects that were not uploaded in parts.
class Md5 {
 public:
  Md5();
  ~Md5();
  Md5(Md5&&) noexcept;
  Md5& operator=(Md5&&) noexcept;

  void Add(std::string_view bytes);
  /// In lower-case hexadecimal. Once, at the end.
  std::string Hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace berth::storage
