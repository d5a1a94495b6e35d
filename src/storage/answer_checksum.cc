#include "storage/answer_checksum.h"

namespace berth::storage {
namespace {

struct Kind {
  std::string_view header;
  std::optional<Crc> crc;
  std::string_view digest;
  size_t size;  // of its base64
};

// The cheapest first: an object has one, or more than one where its uploader sent them.
constexpr Kind kKinds[] = {
    {"x-amz-checksum-crc64nvme", Crc::kCrc64nvme, "", 12},
    {"x-amz-checksum-crc32c", Crc::kCrc32c, "", 8},
    {"x-amz-checksum-crc32", Crc::kCrc32, "", 8},
    {"x-amz-checksum-sha1", std::nullopt, "SHA1", 28},
    {"x-amz-checksum-sha256", std::nullopt, "SHA256", 44},
};

}  // namespace

AnswerChecksum::AnswerChecksum(const Headers& headers) {
  for (const Kind& kind : kKinds) {
    const auto found = headers.find(kind.header);
    if (found == headers.end() || found->second.size() != kind.size) continue;
    expected_ = found->second;
    crc_ = kind.crc;
    if (!crc_) digest_ = std::make_unique<Digest>(kind.digest);
    return;
  }
}

void AnswerChecksum::Add(std::string_view bytes) {
  if (crc_) {
    sum_ = CrcOf(*crc_, bytes, sum_);
  } else if (digest_) {
    digest_->Add(bytes);
  }
}

bool AnswerChecksum::Matches() {
  return expected_ == (crc_ ? CrcText(*crc_, sum_) : digest_->Base64());
}

}  // namespace berth::storage
