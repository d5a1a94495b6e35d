// Sums that S3 and we compare.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace berth::storage {

/// The CRC-32 of zlib and S3's x-amz-checksum-crc32, continued from that of the bytes before.
uint32_t Crc32(std::string_view bytes, uint32_t before = 0);

/// The CRC-32 of a followed by b, from theirs and b's length.
uint32_t Crc32Combine(uint32_t a, uint32_t b, uint64_t length_of_b);

/// As S3 writes a CRC-32: base64 of its four bytes, the highest first.
std::string Crc32Text(uint32_t crc);

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
