// Who we are to S3.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/error.h"
#include "storage/cancellation.h"
#include "storage/runtime.h"
#include "storage/settings.h"

struct aws_credentials;

namespace berth::storage {

/// An access key and where it came from. Copies share it.
struct Credentials {
  std::shared_ptr<aws_credentials> value;
  /// "environment variables", "container credentials endpoint": for messages.
  std::string source;
  /// Nothing where they do not expire.
  std::optional<std::chrono::system_clock::time_point> expires;
};

/// Finds credentials and keeps them fresh. Asked in this order, the first that has some wins:
/// environment variables · web identity (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN) · the profile
/// AWS_PROFILE names, else "default" (keys, assumed roles) · its credential_process · its SSO
/// session · the container's endpoint (AWS_CONTAINER_CREDENTIALS_*) · the machine's role (IMDSv2).
///
/// A source that is configured and fails is not silently passed over: where no other has
/// credentials, the error says what it said.
class CredentialsChain {
 public:
  CredentialsChain(std::shared_ptr<Runtime> runtime, Settings settings);
  ~CredentialsChain();

  /// Those we have, or new ones where they expire within five minutes. From any thread; others
  /// wait while one asks. The old ones serve on where new ones are not to be had and they are
  /// still valid.
  [[nodiscard]] Result<Credentials> Get(const Cancellation* cancel);

  /// S3 refused `used` as expired: the next Get() asks again, unless it has been done already.
  void Refuse(const Credentials& used);

 private:
  struct Source;
  [[nodiscard]] Result<Credentials> Ask(const Cancellation* cancel);

  const std::shared_ptr<Runtime> runtime_;
  const Settings settings_;
  std::timed_mutex asking_;
  std::mutex mutex_;  // guards what follows
  std::optional<Credentials> current_;
  // Where a refresh failed and the old ones are still valid: not again before this.
  std::chrono::steady_clock::time_point ask_after_;
};

/// The region the profile names, else the one this machine is in, else "", as after `cancel`.
std::string FindRegion(Runtime& runtime, const Settings& settings, const Cancellation* cancel);

}  // namespace berth::storage
