// An object becomes a file: S3Client::Get().
#pragma once

#include <filesystem>

#include "storage/s3_client.h"

namespace berth::storage {

class Requester;

[[nodiscard]] Result<ObjectInfo> Download(Requester& requester, const S3Uri& uri,
                                          const std::filesystem::path& to, const Control& control,
                                          const ObjectInfo* known);

/// Settings::piece_size, at least 1.
uint64_t PieceSize(const Settings& settings);

/// The inclusive range of `size` bytes at `offset`, as a header's value.
std::string RangeText(uint64_t offset, uint64_t size);

}  // namespace berth::storage
