#include "storage/connections.h"

#include <aws/common/allocator.h>
#include <aws/common/uri.h>
#include <aws/http/connection.h>
#include <aws/http/connection_manager.h>
#include <aws/http/proxy.h>
#include <aws/io/socket.h>
#include <aws/io/tls_channel_handler.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <tuple>

namespace berth::storage {
namespace {

// How long requests of a client that ends may take to let go.
constexpr std::chrono::milliseconds kShutdown{2000};

}  // namespace

Connections::Connections(std::shared_ptr<Runtime> runtime, Settings settings)
    : runtime_(std::move(runtime)), settings_(std::move(settings)) {}

Result<std::unique_ptr<Connections>> Connections::Make(std::shared_ptr<Runtime> runtime,
                                                       const Settings& settings, bool tls) {
  if (tls) BERTH_TRY(runtime->Tls());
  return std::unique_ptr<Connections>(new Connections(std::move(runtime), settings));
}

Connections::~Connections() {
  for (const auto& [address, pool] : pools_) aws_http_connection_manager_release(pool);
  const auto deadline = std::chrono::steady_clock::now() + kShutdown;
  for (const auto& gone : gone_) gone->Wait(deadline, nullptr);
}

std::expected<aws_http_connection_manager*, int> Connections::To(const Target& target) {
  const std::string address = fmt::format("{}://{}", target.tls ? "https" : "http", target.host);
  const std::lock_guard lock(mutex_);
  const auto found = pools_.find(address);
  if (found != pools_.end()) return found->second;
  auto pool = Start(target);
  if (pool) pools_[address] = *pool;
  return pool;
}

std::expected<aws_http_connection_manager*, int> Connections::Start(const Target& target) {
  const SignalsBlocked blocked;
  aws_allocator* const allocator = aws_default_allocator();
  auto gone = Event::Make();
  if (!gone) return std::unexpected(AWS_ERROR_MAX_FDS_EXCEEDED);
  auto share = std::make_unique<std::shared_ptr<Event>>(std::make_shared<Event>(*std::move(gone)));

  const std::string text = fmt::format("{}://{}", target.tls ? "https" : "http", target.host);
  const aws_byte_cursor cursor = aws_byte_cursor_from_array(text.data(), text.size());
  aws_uri uri;
  if (aws_uri_init_parse(&uri, allocator, &cursor) != AWS_OP_SUCCESS) {
    return std::unexpected(aws_last_error());
  }

  aws_socket_options socket{};
  socket.type = AWS_SOCKET_STREAM;
  socket.domain = AWS_SOCKET_IPV4;
  socket.connect_timeout_ms = static_cast<uint32_t>(settings_.connect_timeout.count());
  socket.tcp_nodelay = AWS_SOCKET_TCP_NODELAY_ON;
  aws_http_connection_monitoring_options monitoring{};
  monitoring.minimum_throughput_bytes_per_second = 1;
  monitoring.allowable_throughput_failure_interval_seconds =
      static_cast<uint32_t>(std::max<int64_t>(settings_.stall_limit.count(), 1));
  proxy_env_var_settings proxy{};
  proxy.env_var_type = AWS_HPEV_ENABLE;

  aws_http_connection_manager_options options{};
  options.bootstrap = runtime_->bootstrap();
  options.initial_window_size = SIZE_MAX;
  options.socket_options = &socket;
  options.monitoring_options = &monitoring;
  options.host = *aws_uri_host_name(&uri);
  options.port = aws_uri_port(&uri) != 0 ? aws_uri_port(&uri) : target.tls ? 443 : 80;
  options.proxy_ev_settings = &proxy;
  options.max_connections = std::max<size_t>(settings_.connections, 1);
  options.shutdown_complete_user_data = share.get();
  options.shutdown_complete_callback = [](void* event) {
    const std::unique_ptr<std::shared_ptr<Event>> mine(static_cast<std::shared_ptr<Event>*>(event));
    (*mine)->Set();
  };

  aws_tls_connection_options tls{};
  int error = 0;
  if (target.tls) {
    const auto context = runtime_->Tls();
    if (context) {
      aws_tls_connection_options_init_from_ctx(&tls, *context);
      if (aws_tls_connection_options_set_server_name(&tls, allocator, &options.host) !=
          AWS_OP_SUCCESS) {
        error = aws_last_error();
      }
    } else {
      error = AWS_IO_TLS_CTX_ERROR;
    }
    options.tls_connection_options = &tls;
  }
  aws_http_connection_manager* pool = nullptr;
  if (error == 0) {
    pool = aws_http_connection_manager_new(allocator, &options);
    if (pool == nullptr) error = aws_last_error();
  }
  if (target.tls) aws_tls_connection_options_clean_up(&tls);
  aws_uri_clean_up(&uri);
  if (pool == nullptr) return std::unexpected(error);
  gone_.push_back(*share);
  std::ignore = share.release();  // the shutdown callback deletes it
  return pool;
}

}  // namespace berth::storage
