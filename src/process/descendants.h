// All processes that come from this one, also those that left its process group or session.
#pragma once

#include <sys/types.h>

#include <vector>

namespace berth::process {

/// Makes this process, where it is not PID 1, the one that inherits orphans among its descendants
/// while this lives: they are then ours to find and to reap.
class OrphanReaper {
 public:
  OrphanReaper();
  OrphanReaper(const OrphanReaper&) = delete;
  OrphanReaper& operator=(const OrphanReaper&) = delete;
  ~OrphanReaper();

 private:
  bool set_ = false;
};

/// The processes below ours. Children that we had before supervising (a shell may exec us and
/// leave us its background jobs) are not the command's: neither they nor theirs are touched.
class Descendants {
 public:
  Descendants();

  /// Whether any is alive or not yet reaped.
  bool Any() const;

  /// Sends `signal` to each that is alive. Where /proc does not show our own PID namespace they
  /// cannot be found, and as PID 1 we signal all there is instead.
  void Signal(int signal) const;

 private:
  std::vector<pid_t> before_;
};

}  // namespace berth::process
