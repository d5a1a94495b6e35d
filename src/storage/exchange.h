// One HTTP request to S3 and its answer: sent once, signed, with a deadline, cancellable.
// Trying again and telling people are the callers' business (request.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "storage/cancellation.h"
#include "storage/connections.h"
#include "storage/credentials.h"
#include "storage/headers.h"
#include "storage/runtime.h"
#include "storage/settings.h"

namespace berth::storage {

struct Request {
  std::string method;
  /// S3's name of the operation ("GetObject"): decides what the answer's body may be.
  std::string operation;
  std::string bucket;
  std::string key;
  /// What messages name where `key` is empty: the prefix of a listing.
  std::string prefix;
  /// Not encoded; an empty value is written as "name=".
  std::vector<std::pair<std::string, std::string>> query;
  Headers headers;
  /// Shared, because a request that was given up may still be reading it.
  std::shared_ptr<const std::string> body;
  /// Takes the body of a successful answer as it arrives, in order, on a thread of the runtime,
  /// which serves other connections too: it must not wait for anybody. False gives up. Without it
  /// the body is in Reply. `at` is how much of the body came before: 0 again, too, where the
  /// request is sent again because the rest did not come. Each answer begins with nothing, at 0.
  std::function<bool(std::string_view bytes, uint64_t at)> sink;
};

struct Reply {
  int status = 0;
  Headers headers;
  std::string body;
  /// The body was compared with a checksum that came with it.
  bool verified = false;

  /// Empty where it is missing.
  const std::string& Header(std::string_view name) const;
};

/// Why there is no Reply with a status of 2xx.
struct Fault {
  enum class Kind {
    kAnswer,      ///< S3 said no: `reply`
    kConnection,  ///< no whole answer: `error`
    kCorrupt,     ///< the answer does not match its checksum
    kDeadline,    ///< ours passed
    kCancelled,   ///< by Cancellation
    kSink,        ///< Request::sink returned false
  };
  Kind kind = Kind::kConnection;
  int error = 0;  ///< of the AWS Common Runtime
  Reply reply;
};

/// Sends requests to all buckets, over kept connections. From any thread.
class Exchanger {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Exchanger>> Make(std::shared_ptr<Runtime> runtime,
                                                               const Settings& settings,
                                                               const std::string& region);

  /// Blocks until the answer is whole, `deadline` has passed, or `cancel` (may be null) is set;
  /// in the last two cases at most half a second longer.
  std::expected<Reply, Fault> Run(const Request& request, const Target& target,
                                  const std::string& region, const Credentials& credentials,
                                  std::chrono::steady_clock::time_point deadline,
                                  const Cancellation* cancel);

 private:
  explicit Exchanger(std::unique_ptr<Connections> connections)
      : connections_(std::move(connections)) {}
  const std::unique_ptr<Connections> connections_;
};

}  // namespace berth::storage
