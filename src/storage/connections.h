// Kept HTTP connections to the servers that requests go to. For this room only.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/error.h"
#include "storage/event.h"
#include "storage/runtime.h"
#include "storage/settings.h"

struct aws_http_connection_manager;

namespace berth::storage {

/// One pool of at most Settings::connections for each host. Connections that move nothing for
/// Settings::stall_limit are closed. Through a proxy where the environment names one. From any
/// thread.
class Connections {
 public:
  /// Fails with certificates that cannot be read, where `tls` says that they will be needed.
  [[nodiscard]] static Result<std::unique_ptr<Connections>> Make(std::shared_ptr<Runtime> runtime,
                                                                 const Settings& settings,
                                                                 bool tls);
  /// Waits a little for requests under way to let go; leaves them to themselves after that.
  ~Connections();

  /// The pool for this server; not the caller's to release. Fails with the runtime's error code.
  std::expected<aws_http_connection_manager*, int> To(const Target& target);

 private:
  Connections(std::shared_ptr<Runtime> runtime, Settings settings);
  std::expected<aws_http_connection_manager*, int> Start(const Target& target);

  const std::shared_ptr<Runtime> runtime_;
  const Settings settings_;
  std::mutex mutex_;  // guards what follows
  std::map<std::string, aws_http_connection_manager*> pools_;
  // Set by a pool's shutdown callback, which may come after this object is gone.
  std::vector<std::shared_ptr<Event>> gone_;
};

}  // namespace berth::storage
