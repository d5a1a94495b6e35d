// A file becomes an object: S3Client::Put() and its kin.
#pragma once

#include <string>
#include <string_view>

#include "storage/s3_client.h"

namespace berth::storage {

class Requester;

[[nodiscard]] Result<void> Upload(Requester& requester, int descriptor, std::string_view name,
                                  const S3Uri& uri, const Control& control);

[[nodiscard]] Result<void> UploadBytes(Requester& requester, std::string bytes, const S3Uri& uri,
                                       const Control& control);

/// How long the parts of a file of `size` bytes are: `wanted`, or more so that 10,000 are enough.
uint64_t PartSizeFor(uint64_t size, uint64_t wanted);

}  // namespace berth::storage
