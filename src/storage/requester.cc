#include "storage/requester.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <tuple>

#include "core/log.h"
#include "storage/event.h"
#include "storage/retry.h"

namespace berth::storage {
namespace {

using std::chrono::steady_clock;

// A request that moves at least so much is not cut off by its deadline; one that moves nothing is
// cut off long before (Settings::stall_limit).
constexpr uint64_t kSlowest = uint64_t{16} * 1024;  // bytes a second
// What is said to the log while a request is tried again and again.
constexpr int kWarnAt = 3;
// All requests of a client fail alike where the server is gone.
constexpr std::chrono::seconds kWarnAgain{10};

// Of no secret use: it spreads retries.
uint32_t Mixed(uint32_t seed) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  return seed ^ (seed << 5);
}

bool IsChecksum(std::string_view header) {
  return header.starts_with("x-amz-checksum-") || header == "x-amz-sdk-checksum-algorithm";
}

// Of an upload; a download's x-amz-checksum-mode only asks.
bool HasChecksum(const Request& request) {
  return request.method != "GET" && request.method != "HEAD" &&
         std::any_of(request.headers.begin(), request.headers.end(),
                     [](const auto& header) { return IsChecksum(header.first); });
}

Request WithoutChecksum(Request request) {
  std::erase_if(request.headers, [](const auto& header) { return IsChecksum(header.first); });
  return request;
}

}  // namespace

Requester::Requester(Settings settings, std::string region, std::shared_ptr<Runtime> runtime,
                     std::unique_ptr<Exchanger> exchanger)
    : settings_(std::move(settings)),
      region_(std::move(region)),
      credentials_(std::move(runtime), settings_),
      exchanger_(std::move(exchanger)),
      budget_(settings_.memory),
      random_(0) {
  uint32_t seed = 0;
  // Without entropy (early at boot) all clients jitter alike, which is no disaster.
  [[maybe_unused]] const ssize_t got = ::getrandom(&seed, sizeof seed, GRND_NONBLOCK);
  random_ = seed | 1;
}

Result<std::unique_ptr<Requester>> Requester::Make(Settings settings, const Cancellation* cancel) {
  BERTH_ASSIGN(std::shared_ptr<Runtime> runtime, Runtime::Start(settings));
  std::string region = FindRegion(*runtime, settings, cancel);
  if (region.empty() && cancel != nullptr && cancel->cancelled()) {
    return Fail("cannot find the region of S3: cancelled", ECANCELED);
  }
  if (region.empty()) {
    return Fail("the region of S3 is not known: set AWS_REGION, or region in the AWS profile");
  }
  BERTH_ASSIGN(auto exchanger, Exchanger::Make(runtime, settings, region));
  return std::unique_ptr<Requester>(new Requester(std::move(settings), std::move(region),
                                                  std::move(runtime), std::move(exchanger)));
}

std::string Requester::RegionOf(const std::string& bucket) {
  const std::lock_guard lock(mutex_);
  const auto found = regions_.find(bucket);
  return found != regions_.end() ? found->second : region_;
}

void Requester::Remember(const std::string& bucket, std::string region) {
  const std::lock_guard lock(mutex_);
  regions_[bucket] = std::move(region);
}

Result<Lease> Requester::Reserve(uint64_t bytes, const Cancellation* cancel) {
  const size_t connections = std::max<size_t>(settings_.connections, 1);
  return budget_.Take(std::max<uint64_t>(bytes, settings_.memory / connections), cancel);
}

std::expected<Reply, Failure> Requester::Send(const Request& request, std::string_view verb,
                                              std::string_view permission, uint64_t expected,
                                              const Cancellation* cancel, const Lease* reserved) {
  const auto fail = [](Error error) { return std::unexpected(Failure{0, {}, std::move(error)}); };
  Attempted attempted{.verb = verb,
                      .uri = {request.bucket, request.key.empty() ? request.prefix : request.key},
                      .permission = std::string(permission),
                      .region = {},
                      .host = {},
                      .credentials = {},
                      .attempts = 0};
  const std::string what = fmt::format("cannot {} {}", verb, attempted.uri.Text());

  const uint64_t sent = request.body ? request.body->size() : 0;
  Lease share;
  if (reserved == nullptr) {
    // What goes to a sink passes in small portions, and is its owner's there.
    auto taken = Reserve(request.sink ? sent : std::max(expected, sent), cancel);
    if (!taken) return fail(taken.error().Within(what));
    share = *std::move(taken);
  }

  const auto begun = steady_clock::now();
  const auto give_up = begun + settings_.retry_limit;
  bool asked = false;
  bool moved = false;
  // What is sent where the server turned out not to take the checksum in `request`.
  std::optional<Request> plain;
  if (no_checksums_ && HasChecksum(request)) plain = WithoutChecksum(request);
  for (int attempt = 1;; ++attempt) {
    attempted.attempts = attempt;
    attempted.region = RegionOf(request.bucket);
    const auto target = TargetOf(settings_, attempted.region, request.bucket);
    if (!target) return fail(target.error().Within(what));
    attempted.host = target->host;
    const auto credentials = credentials_.Get(cancel);
    if (!credentials) return fail(credentials.error().Within(what));
    attempted.credentials = credentials->source;

    const auto deadline = steady_clock::now() + settings_.connect_timeout +
                          2 * settings_.stall_limit +
                          std::chrono::seconds(std::max(expected, sent) / kSlowest);
    auto reply = exchanger_->Run(plain ? *plain : request, *target, attempted.region, *credentials,
                                 deadline, cancel);
    if (reply) return *std::move(reply);

    const Fault& fault = reply.error();
    if (fault.reply.status == 501 && !plain && HasChecksum(request)) {
      if (!no_checksums_.exchange(true)) {
        log::Debug("storage", "{} does not take checksums of uploads: going on without",
                   target->host);
      }
      plain = WithoutChecksum(request);
      --attempt;  // it was no failure to speak of
      continue;
    }
    const ErrorDocument document = ParseErrorDocument(fault.reply.body);
    switch (RemedyFor(fault, document)) {
      case Remedy::kNone:
        return std::unexpected(Explain(attempted, fault, document));
      case Remedy::kAsk:
        if (std::exchange(asked, true)) return std::unexpected(Explain(attempted, fault, document));
        credentials_.Refuse(*credentials);
        continue;
      case Remedy::kOtherRegion: {
        std::string region = RegionFrom(fault, document);
        if (region == attempted.region || std::exchange(moved, true)) {
          return std::unexpected(Explain(attempted, fault, document));
        }
        log::Info("storage", "the bucket \"{}\" is in {}, not in {}: asking there", request.bucket,
                  region, attempted.region);
        Remember(request.bucket, std::move(region));
        continue;
      }
      case Remedy::kWait:
        break;
    }
    const uint32_t random = Mixed(random_.load());
    random_ = random;
    const auto pause = Backoff(attempt, settings_.backoff, settings_.backoff_limit, random);
    // Random pauses may be short: ten tries pass in seconds, and a server takes longer to restart.
    const bool tried =
        attempt >= settings_.attempts && steady_clock::now() - begun >= settings_.retry_least;
    if (tried || steady_clock::now() + pause > give_up) {
      return std::unexpected(Explain(attempted, fault, document));
    }
    if (attempt == kWarnAt && MayWarn()) {
      log::Warning("storage", "trying again: {}",
                   Explain(attempted, fault, document).error.message());
    }
    const auto never = Event::Make();
    if (!never) return fail(never.error().Within(what));
    if (never->Wait(steady_clock::now() + pause, cancel) == Woken::kCancelled) {
      return std::unexpected(
          Explain(attempted, Fault{.kind = Fault::Kind::kCancelled, .error = 0, .reply = {}}, {}));
    }
  }
}

bool Requester::MayWarn() {
  const std::lock_guard lock(mutex_);
  const auto now = steady_clock::now();
  if (warned_ && now - *warned_ < kWarnAgain) return false;
  warned_ = now;
  return true;
}

void Requester::SendOnce(const Request& request, std::chrono::milliseconds limit) {
  const std::string region = RegionOf(request.bucket);
  const auto target = TargetOf(settings_, region, request.bucket);
  const auto credentials = credentials_.Get(nullptr);
  if (!target || !credentials) return;
  std::ignore =
      exchanger_->Run(request, *target, region, *credentials, steady_clock::now() + limit, nullptr);
}

}  // namespace berth::storage
