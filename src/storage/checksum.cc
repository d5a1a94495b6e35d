#include "storage/checksum.h"

#include <aws/checksums/crc.h>
#include <openssl/evp.h>

#include <cassert>

namespace berth::storage {
namespace {

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char each : bytes) {
    const auto byte = static_cast<unsigned char>(each);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string Base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and EVP's closing zero
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), Bytes(bytes),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  return text;
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
  const size_t size = kind == Crc::kCrc64nvme ? 8 : 4;
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<char>(static_cast<unsigned char>(crc >> (8 * (size - 1 - i))));
  }
  return Base64(bytes);
}

std::string Sha256Hex(std::string_view bytes) {
  Digest digest("SHA256");
  digest.Add(bytes);
  return digest.Hex();
}

struct Digest::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
  std::string Final() const {
    std::string sum(EVP_MAX_MD_SIZE, '\0');
    unsigned int size = 0;
    EVP_DigestFinal_ex(evp, reinterpret_cast<unsigned char*>(sum.data()), &size);
    sum.resize(size);
    return sum;
  }
};

Digest::Digest(std::string_view name) : context_(std::make_unique<Context>()) {
  [[maybe_unused]] const int done =
      EVP_DigestInit_ex(context_->evp, EVP_get_digestbyname(std::string(name).c_str()), nullptr);
  assert(done == 1);
}

Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::Add(std::string_view bytes) {
  EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size());
}

std::string Digest::Hex() {
  return storage::Hex(context_->Final());
}

std::string Digest::Base64() {
  return storage::Base64(context_->Final());
}

}  // namespace berth::storage
