#include "serving/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/json.h"
#include "core/log.h"
#include "core/text.h"

namespace berth::serving {
namespace {

using http::ErrorResponse;
using http::Response;

constexpr std::string_view kPing = "/ping";
constexpr std::string_view kMetrics = "/metrics";
constexpr std::string_view kExecutionParameters = "/execution-parameters";
constexpr std::string_view kInvocations = "/invocations";

Response NotAllowed(std::string_view method, std::string_view path, std::string_view allowed) {
  Response response =
      ErrorResponse(405, "MethodNotAllowed",
                    fmt::format("{} answers {}, not {}", path, allowed, ToValidUtf8(method, 20)));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

Response TextResponse(std::string_view type, std::string body) {
  Response response;
  response.headers.emplace_back("Content-Type", type);
  response.body = std::move(body);
  return response;
}

bool IsRead(std::string_view method) {
  return method == "GET" || method == "HEAD";
}

}  // namespace

Router::Router(const contract::ServingEnvironment& environment, InvocationContext& context,
               std::function<size_t()> connections)
    : environment_(environment), context_(context), connections_(std::move(connections)) {}

bool Router::IsModelRoute(std::string_view path) const {
  return path == kInvocations || (!environment_.application.empty() && path != kPing &&
                                  path != kMetrics && path != kExecutionParameters);
}

std::variant<Response, std::unique_ptr<http::Exchange>> Router::Begin(
    const http::RequestHead& head) {
  const std::string_view path = head.path;
  if (path == kPing) {
    if (!IsRead(head.method) && head.method != "POST") {
      return NotAllowed(head.method, path, "GET, HEAD, POST");
    }
    return Ping();
  }
  if (path == kMetrics || path == kExecutionParameters) {
    if (!IsRead(head.method)) return NotAllowed(head.method, path, "GET, HEAD");
    return path == kMetrics ? MetricsText() : ExecutionParameters();
  }
  if (!IsModelRoute(path)) {
    return ErrorResponse(404, "NotFound",
                         fmt::format("there is no {}: the routes are /invocations, /ping, "
                                     "/execution-parameters and /metrics",
                                     Quoted(ToValidUtf8(path, 200))));
  }
  if (environment_.application.empty() && head.method != "POST") {
    return NotAllowed(head.method, path, "POST");
  }
  if (auto refusal = Refusal(head)) return *std::move(refusal);
  return std::make_unique<Invocation>(context_, head);
}

std::optional<Response> Router::Refusal(const http::RequestHead& head) const {
  const worker::Pool& pool = context_.pool;
  if (head.lacks_length && IsDecodedHere(context_, head)) {
    return ErrorResponse(411, "LengthRequired",
                         "there is no body: a Content-Length is needed, or Transfer-Encoding: "
                         "chunked");
  }
  if (draining_) return ErrorResponse(503, "ServiceUnavailable", "the server is shutting down");
  if (!pool.loaded()) {
    return ErrorResponse(503, "ServiceUnavailable", "the model is not loaded yet: see /ping");
  }
  if (pool.full()) {
    return ErrorResponse(503, "ServiceUnavailable",
                         "too many requests wait already (BERTH_QUEUE_LENGTH): try again");
  }
  const uint64_t length = head.content_length.value_or(0);
  if (length > transport::Arena::small_body() && !context_.arena.HasLarge(length)) {
    return ErrorResponse(503, "ServiceUnavailable",
                         "there is no memory for another large request: try again");
  }
  return std::nullopt;
}

Response Router::Ping() const {
  if (!draining_ && context_.pool.ready()) return {};
  return ErrorResponse(503, "ServiceUnavailable",
                       draining_                ? "the server is shutting down"
                       : context_.pool.loaded() ? "no worker is well, or not all have loaded yet"
                                                : "the model is not loaded yet");
}

Response Router::MetricsText() const {
  Metrics::Now now;
  now.queued = context_.pool.queued();
  now.connections = connections_();
  now.ready = !draining_ && context_.pool.ready();
  now.workers = context_.pool.Gauges();
  return TextResponse("text/plain; version=0.0.4", context_.metrics.Text(now));
}

Response Router::ExecutionParameters() const {
  const int transforms =
      environment_.max_concurrent_transforms.value_or(std::max(context_.pool.wanted(), 1));
  const json::Object parameters{{"MaxConcurrentTransforms", transforms},
                                {"BatchStrategy", environment_.batch_strategy},
                                {"MaxPayloadInMB", environment_.execution_payload_mb}};
  return TextResponse("application/json", json::DumpPython(json::Value(parameters)));
}

void Router::Label(const http::RequestHead& head, Response& response) {
  response.request_id = RequestIdOf(head);
  response.headers.emplace_back("X-Request-Id", response.request_id);
}

void Router::Ended(std::string_view method, std::string_view target, unsigned status,
                   std::string_view request_id, std::string_view why, uint64_t bytes_in,
                   uint64_t bytes_out, std::chrono::nanoseconds took) {
  const std::string_view path = target.substr(0, target.find('?'));
  // A /ping that goes well, or says that the server is not up, is the platform's to count.
  const bool refused = status >= 400 && status != 499 && status != 503;
  const bool counted = refused || IsModelRoute(path);
  Metrics& metrics = context_.metrics;
  if (counted) ++metrics.requests[status];
  if (IsModelRoute(path)) {
    metrics.total.Add(took);
    metrics.bytes_in += bytes_in;
    metrics.bytes_out += bytes_out;
  }
  // What goes well is for whoever looks closely. So are requests that found no room or were given
  // up: there may be very many of them.
  const log::Level level = !refused        ? log::Level::kDebug
                           : status >= 500 ? log::Level::kError
                                           : log::Level::kWarning;
  if (!log::Enabled(level)) return;
  log::Write(level, "access",
             fmt::format("{} {} {} {} bytes in, {} out, {:.3f} ms{}{}",
                         method.empty() ? "-" : ToValidUtf8(method, 20),
                         Quoted(ToValidUtf8(target, 500)), status, bytes_in, bytes_out,
                         std::chrono::duration<double, std::milli>(took).count(),
                         why.empty() ? "" : ": ", ToValidUtf8(why, 500)),
             {{"request", request_id}});
}

}  // namespace berth::serving
