// A part of one version of an object becomes bytes in memory: S3Client::GetRange().
#pragma once

#include <span>

#include "storage/s3_client.h"

namespace berth::storage {

class Requester;

[[nodiscard]] Result<void> FetchRange(Requester& requester, const std::string& bucket,
                                      const ObjectInfo& version, uint64_t offset,
                                      std::span<char> buffer, const Control& control);

}  // namespace berth::storage
