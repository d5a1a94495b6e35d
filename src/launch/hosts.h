// The hosts of a cluster come up one after another: their names may not resolve at first.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"

namespace berth::launch {

/// The reference's limit for one host; ours is for all of them together.
inline constexpr std::chrono::minutes kHostsDeadline{15};

/// True where the name resolves now.
using Resolve = std::function<bool(const std::string& host)>;

/// Asks the system: /etc/hosts, then DNS.
bool ResolveHost(const std::string& host);

/// Waits until every name resolves: all are asked in every round, rounds come 50 ms apart at first
/// and 2 s at last. `stop` is a descriptor that becomes readable when the wait must end (a signal);
/// -1: none. The error names the hosts that did not resolve. Logs which hosts it waits for.
[[nodiscard]] Result<void> WaitForHosts(std::vector<std::string> hosts,
                                        std::chrono::milliseconds deadline, int stop,
                                        const Resolve& resolve = ResolveHost);

}  // namespace berth::launch
