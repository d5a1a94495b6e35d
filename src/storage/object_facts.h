// An object's size, version and checksum, as its headers tell them.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "storage/checksum.h"
#include "storage/exchange.h"
#include "storage/failure.h"
#include "storage/object_info.h"
#include "storage/requester.h"
#include "storage/uri.h"

namespace berth::storage {

struct ObjectFacts {
  ObjectInfo info;
  /// A checksum of the whole object's bytes, as base64.
  struct Whole {
    Crc kind;
    std::string text;
  };
  std::optional<Whole> crc;
  /// The ETag is the MD5 of the bytes.
  bool md5 = false;
};

/// From the headers of an answer about the whole object. `size` is not read.
ObjectFacts FactsFrom(const Headers& headers, std::string key);

/// True for 32 hexadecimal digits: what an ETag is that might be an MD5.
bool LooksLikeMd5(std::string_view etag);

/// Asks with HEAD; where that is refused, asks again in a way whose answer says why.
std::expected<ObjectFacts, Failure> AskFacts(Requester& requester, const S3Uri& uri,
                                             std::string_view verb, const Cancellation* cancel);

}  // namespace berth::storage
