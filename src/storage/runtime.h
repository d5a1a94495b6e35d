// The running half of the AWS Common Runtime: its threads, name resolution and certificates.
// For this room only; nothing of it shows in the headers that others include.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>

#include "core/error.h"
#include "storage/settings.h"

struct aws_allocator;
struct aws_client_bootstrap;
struct aws_event_loop_group;
struct aws_host_resolver;
struct aws_tls_ctx;

namespace berth::storage {

/// Blocks every signal in the calling thread while it lives, so that threads started meanwhile
/// take none: signals of the process belong to whoever supervises it.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  struct Mask;
  std::unique_ptr<Mask> before_;
};

/// Shared by clients and credentials. Whoever uses bootstrap() or Tls() keeps it alive.
class Runtime {
 public:
  [[nodiscard]] static Result<std::shared_ptr<Runtime>> Start(const Settings& settings);

  /// Lets go of everything; the threads end by themselves. Does not wait for them: one may be
  /// inside getaddrinfo() for as long as that takes.
  ~Runtime();

  aws_client_bootstrap* bootstrap() const { return bootstrap_; }
  aws_event_loop_group* loops() const { return loops_; }

  /// With the certificates that `settings` named, else the system's. Loaded at the first call,
  /// which is most of a client's start. Not ours to release.
  [[nodiscard]] Result<aws_tls_ctx*> Tls();

 private:
  Runtime(std::string ca_file, std::string ca_directory);

  const std::string ca_file_;
  const std::string ca_directory_;
  aws_event_loop_group* loops_ = nullptr;
  aws_host_resolver* resolver_ = nullptr;
  aws_client_bootstrap* bootstrap_ = nullptr;
  std::mutex mutex_;
  aws_tls_ctx* tls_ = nullptr;
};

/// What the AWS Common Runtime calls its error: "AWS_IO_SOCKET_TIMEOUT: socket operation timed
/// out".
std::string RuntimeError(int code);

}  // namespace berth::storage
