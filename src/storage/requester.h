// Requests to S3 as often as it takes: with the right credentials, to the right region, tried
// again where that helps, with the sentence for people where it does not.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/error.h"
#include "storage/budget.h"
#include "storage/credentials.h"
#include "storage/exchange.h"
#include "storage/failure.h"
#include "storage/settings.h"

namespace berth::storage {

/// From any thread.
class Requester {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Requester>> Make(Settings settings,
                                                               const Cancellation* cancel);

  /// `verb` and `permission` are for the message. `expected` is how many bytes the answer's body
  /// will have about. `reserved` is a share of the memory that the caller has taken already.
  /// Blocks; ends within a second of `cancel`.
  std::expected<Reply, Failure> Send(const Request& request, std::string_view verb,
                                     std::string_view permission, uint64_t expected,
                                     const Cancellation* cancel, const Lease* reserved = nullptr);

  /// A share of the memory, and of the connections, for a request of so many bytes.
  [[nodiscard]] Result<Lease> Reserve(uint64_t bytes, const Cancellation* cancel);

  /// Once, within `limit`, for requests that only tidy up. What comes of it does not matter.
  void SendOnce(const Request& request, std::chrono::milliseconds limit);

  /// Whether an upload brings checksums: where the settings say so, and until the server has
  /// refused one as unknown to it (501), as servers do that are older than S3's checksums.
  bool checksums() const { return settings_.upload_checksums && !no_checksums_; }

  const Settings& settings() const { return settings_; }

 private:
  bool MayWarn();
  Requester(Settings settings, std::string region, std::shared_ptr<Runtime> runtime,
            std::unique_ptr<Exchanger> exchanger);
  std::string RegionOf(const std::string& bucket);
  void Remember(const std::string& bucket, std::string region);

  const Settings settings_;
  const std::string region_;
  CredentialsChain credentials_;
  const std::unique_ptr<Exchanger> exchanger_;
  Budget budget_;
  std::atomic<uint32_t> random_;
  std::atomic<bool> no_checksums_ = false;
  std::mutex mutex_;                            // guards the next two
  std::map<std::string, std::string> regions_;  // of buckets that turned out to be elsewhere
  std::optional<std::chrono::steady_clock::time_point> warned_;  // that something is tried again
};

}  // namespace berth::storage
