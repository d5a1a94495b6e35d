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

uint32_t Crc32(std::string_view bytes, uint32_t before) {
  return aws_checksums_crc32_ex(Bytes(bytes), bytes.size(), before);
}

uint32_t Crc32Combine(uint32_t a, uint32_t b, uint64_t length_of_b) {
  return aws_checksums_crc32_combine(a, b, length_of_b);
}

std::string Crc32Text(uint32_t crc) {
  const std::array<unsigned char, 4> bytes{
      static_cast<unsigned char>(crc >> 24), static_cast<unsigned char>(crc >> 16),
      static_cast<unsigned char>(crc >> 8), static_cast<unsigned char>(crc)};
  std::array<unsigned char, 9> text;  // 8 characters and EVP's closing zero
  EVP_EncodeBlock(text.data(), bytes.data(), bytes.size());
  return std::string(text.begin(), text.end() - 1);
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
