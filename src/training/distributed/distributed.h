// A distributed job on this host: the link to the other hosts, the leader where this is the master,
// and this host's run.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/secrets.h"
#include "launch/launcher.h"
#include "process/held_signals.h"
#include "ranks/watchdog.h"
#include "training/distributed/messages.h"

namespace berth::training {

/// The port on which the master awaits the others, where that is not cluster::kDefaultPort.
inline constexpr const char* kPortVariable = "BERTH_CONTROL_PORT";
/// Added to what proves that hosts belong to one job.
inline constexpr const char* kKeyVariable = "BERTH_CLUSTER_KEY";

/// Which hosts take part, and how they know each other.
struct Cluster {
  /// The master first.
  std::vector<std::string> hosts;
  std::string current_host;
  /// See ClusterKey().
  std::string key;
  uint16_t port = 0;

  bool several() const { return hosts.size() > 1; }
};

/// From what all hosts of the job were given alike: its name, hyperparameters and hosts, and
/// kKeyVariable. Fails where kPortVariable is no port.
[[nodiscard]] Result<Cluster> ClusterOf(const contract::TrainingEnvironment& environment,
                                        std::vector<std::string> hosts,
                                        const process::Variables& variables);

struct DistributedOptions {
  const process::HeldSignals& held;
  const Secrets& secrets;
  ranks::WatchdogSettings watchdog;
  int max_restarts = 0;
  /// From a signal to SIGKILL.
  std::chrono::milliseconds grace{};
  size_t tail_bytes = 0;
};

struct DistributedEnd {
  Ending ending;
  /// When this host was asked to stop by a signal.
  std::optional<EventLoop::Clock::time_point> stop_asked;
};

/// Runs this host's part to the end of the whole job. An Error: this host's surroundings failed
/// before there was anything to end.
[[nodiscard]] Result<DistributedEnd> RunDistributed(const Cluster& cluster,
                                                    launch::Launcher& launcher,
                                                    const DistributedOptions& options);

/// Tells the other hosts that this one cannot take part, so that they need not wait for it: at most
/// `patience`, less where a signal asks us to stop.
void TellUnable(const Cluster& cluster, const Ending& ending, const process::HeldSignals& held,
                std::chrono::milliseconds patience);

}  // namespace berth::training
