#include "storage/checksum.h"

#include <aws/checksums/crc.h>
#include <openssl/evp.h>

#include <array>
#include <cassert>

namespace berth::storage {
namespace {

std::string Hex(const unsigned char* bytes, size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(size * 2);
  for (size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

}  // namespace

uint64_t CrcOf(Crc kind, std::string_view bytes, uint64_t before) {
  const auto narrow = static_cast<uint32_t>(before);
  switch (kind) {
    case Crc::kCrc32:
      return aws_checksums_crc32_ex(Bytes(bytes), bytes.size(), narrow);
    case Crc::kCrc32c:
      return aws_checksums_crc32c_ex(Bytes(bytes), bytes.size(), narrow);
    case Crc::kCrc64nvme:
      break;
  }
  return aws_checksums_crc64nvme_ex(Bytes(bytes), bytes.size(), before);
}

uint64_t CrcCombine(Crc kind, uint64_t a, uint64_t b, uint64_t length_of_b) {
  const auto narrow_a = static_cast<uint32_t>(a);
  const auto narrow_b = static_cast<uint32_t>(b);
  switch (kind) {
    case Crc::kCrc32:
      return aws_checksums_crc32_combine(narrow_a, narrow_b, length_of_b);
    case Crc::kCrc32c:
      return aws_checksums_crc32c_combine(narrow_a, narrow_b, length_of_b);
    case Crc::kCrc64nvme:
      break;
  }
  return aws_checksums_crc64nvme_combine(a, b, length_of_b);
}

std::string CrcText(Crc kind, uint64_t crc) {
  const int size = kind == Crc::kCrc64nvme ? 8 : 4;
  std::array<unsigned char, 8> bytes;
  for (int i = 0; i < size; ++i) {
    bytes[static_cast<size_t>(i)] = static_cast<unsigned char>(crc >> (8 * (size - 1 - i)));
  }
  std::array<unsigned char, 13> text;  // 12 characters and EVP's closing zero
  const int length = EVP_EncodeBlock(text.data(), bytes.data(), size);
  return {text.begin(), text.begin() + length};
}

std::string Sha256Hex(std::string_view bytes) {
  std::array<unsigned char, 32> sum;
  [[maybe_unused]] const int done =
      EVP_Digest(bytes.data(), bytes.size(), sum.data(), nullptr, EVP_sha256(), nullptr);
  assert(done == 1);
  return Hex(sum.data(), sum.size());
}

struct Md5::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

Md5::Md5() : context_(std::make_unique<Context>()) {
  [[maybe_unused]] const int done = EVP_DigestInit_ex(context_->evp, EVP_md5(), nullptr);
  assert(done == 1);
}

Md5::~Md5() = default;
Md5::Md5(Md5&&) noexcept = default;
Md5& Md5::operator=(Md5&&) noexcept = default;

void Md5::Add(std::string_view bytes) {
  EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size());
}

std::string Md5::Hex() {
  std::array<unsigned char, 16> sum;
  EVP_DigestFinal_ex(context_->evp, sum.data(), nullptr);
  return storage::Hex(sum.data(), sum.size());
}

}  // namespace berth::storage
