// An object as a stream, fetched a few pieces ahead: S3Client::Read().
#pragma once

#include <memory>

#include "storage/s3_client.h"

namespace berth::storage {

class Requester;

[[nodiscard]] Result<std::unique_ptr<ObjectReader>> OpenStream(Requester& requester,
                                                               const S3Uri& uri,
                                                               const Control& control);

}  // namespace berth::storage
