// Which failures pass by themselves, and how long to wait for that. Pure.
#pragma once

#include <chrono>
#include <cstdint>

#include "storage/exchange.h"
#include "storage/s3_xml.h"

namespace berth::storage {

enum class Remedy {
  kNone,         ///< it will fail again
  kWait,         ///< throttling, an overloaded or restarting server, a broken connection
  kAsk,          ///< the credentials have expired: get new ones
  kOtherRegion,  ///< the bucket is elsewhere, and the answer says where
};

/// `document` is the parsed body of `fault.reply`.
Remedy RemedyFor(const Fault& fault, const ErrorDocument& document);

/// The region an answer points to; "" where it does not, or to what is no region's name.
std::string RegionFrom(const Fault& fault, const ErrorDocument& document);

/// How long to wait before try number `attempt` + 1 (the first is 1): between nothing and
/// `base` × 2^(attempt-1), at most `limit`; `random` says where in between. All clients of a
/// throttled server would otherwise come back at once.
std::chrono::milliseconds Backoff(int attempt, std::chrono::milliseconds base,
                                  std::chrono::milliseconds limit, uint32_t random);

}  // namespace berth::storage
