// The checksum that came with an answer, compared with its body as that passes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/checksum.h"
#include "storage/headers.h"

namespace berth::storage {

/// Of one answer that brings a whole object. Does nothing where `headers` have no checksum of the
/// bytes themselves: that of a multipart upload may be one of its parts' checksums, "…-<parts>".
class AnswerChecksum {
 public:
  AnswerChecksum() = default;
  explicit AnswerChecksum(const Headers& headers);

  void Add(std::string_view bytes);
  /// True where there is one to compare with.
  bool known() const { return !expected_.empty(); }
  /// Once, after the last byte.
  bool Matches();

 private:
  std::string expected_;  // base64
  std::optional<Crc> crc_;
  uint64_t sum_ = 0;
  std::unique_ptr<Digest> digest_;
};

}  // namespace berth::storage
