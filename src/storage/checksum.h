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

/// A digest built up piece by piece.
class Digest {
 public:
  /// `name` as libcrypto knows it: "MD5", "SHA1", "SHA256".
  explicit Digest(std::string_view name);
  ~Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;

  void Add(std::string_view bytes);
  /// In lower-case hexadecimal. Either of the two, once, at the end.
  std::string Hex();
  std::string Base64();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// The ETag of most objects that were not uploaded in parts.
class Md5 : public Digest {
 public:
  Md5() : Digest("MD5") {}
};

}  // namespace berth::storage
