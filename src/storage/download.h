// An object becomes a file: S3Client::Get().
#pragma once

#include <filesystem>

#include "storage/s3_client.h"

namespace berth::storage {

class Requester;

[[nodiscard]] Result<ObjectInfo> Download(Requester& requester, const S3Uri& uri,
                                          const std::filesystem::path& to, const Control& control,
                                          const ObjectInfo* known);

/// Objects above this arrive in pieces of it. A power of two: the runtime collects an answer in a
/// buffer that it doubles. Larger pieces are slower where memory must be fresh for each of them,
/// smaller ones where each request costs a round trip.
inline constexpr uint64_t kPiece = uint64_t{2} << 20;
uint64_t PieceSize(const Settings& settings);

/// The inclusive range of `size` bytes at `offset`, as a header's value.
std::string RangeText(uint64_t offset, uint64_t size);

}  // namespace berth::storage
