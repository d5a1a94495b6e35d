// ListObjectsV2, page by page, and what it is asked for when an object is missing.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "storage/failure.h"
#include "storage/requester.h"
#include "storage/s3_xml.h"
#include "storage/uri.h"

namespace berth::storage {

/// Pages of at most 1,000 keys, until there is none or `each` fails.
[[nodiscard]] Result<void> ListAll(Requester& requester, const S3Uri& prefix,
                                   const std::function<Result<void>(ObjectInfo)>& each,
                                   const Cancellation* cancel);

/// The sentence `error` about the missing object `uri`, with what there is instead: the key most
/// like it, else some of its neighbours. As it was where that cannot be told.
Error WithNeighbours(Requester& requester, const S3Uri& uri, Error error,
                     const Cancellation* cancel);

}  // namespace berth::storage
