// Which request is whose: routes, and the answers that need no worker. Event loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "contract/serving_environment.h"
#include "serving/http/server.h"
#include "serving/http/service.h"
#include "serving/invocation.h"
#include "serving/metrics.h"
#include "serving/worker/pool.h"

namespace berth::serving {

class Router final : public http::Service {
 public:
  /// `connections` counts the server's. All outlive it.
  Router(const contract::ServingEnvironment& environment, InvocationContext& context,
         std::function<size_t()> connections);

  std::variant<http::Response, std::unique_ptr<http::Exchange>> Begin(
      const http::RequestHead& head) override;
  void Label(const http::RequestHead& head, http::Response& response) override;
  void Ended(std::string_view method, std::string_view target, unsigned status,
             std::string_view request_id, std::string_view why, uint64_t bytes_in,
             uint64_t bytes_out, std::chrono::nanoseconds took) override;

  /// /ping is 503 from now on, and so are further requests to the model.
  void Drain() { draining_ = true; }

 private:
  http::Response Ping() const;
  http::Response MetricsText() const;
  http::Response ExecutionParameters() const;
  /// Why a request to the model is refused on its head; nothing where it is not.
  std::optional<http::Response> Refusal(const http::RequestHead& head) const;
  bool IsModelRoute(std::string_view path) const;

  const contract::ServingEnvironment& environment_;
  InvocationContext& context_;
  const std::function<size_t()> connections_;
  bool draining_ = false;
};

}  // namespace berth::serving
