#include "launch/hosts.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <future>

#include "core/log.h"
#include "core/resolve.h"
#include "core/text.h"

namespace berth::launch {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kFirstPause{50};
constexpr milliseconds kLongestPause{2'000};
/// Lookups under way at once: a resolver that is down answers only after seconds.
constexpr size_t kLookupsAtOnce = 32;

/// Those of `hosts` that do not resolve.
std::vector<std::string> Unresolved(const std::vector<std::string>& hosts, const Resolve& resolve) {
  std::vector<std::string> unresolved;
  for (size_t first = 0; first < hosts.size(); first += kLookupsAtOnce) {
    const size_t end = std::min(first + kLookupsAtOnce, hosts.size());
    std::vector<std::future<bool>> answers;
    for (size_t i = first; i < end; ++i) {
      answers.push_back(std::async(std::launch::async, [&, i] { return resolve(hosts[i]); }));
    }
    for (size_t i = first; i < end; ++i) {
      if (!answers[i - first].get()) unresolved.push_back(hosts[i]);
    }
  }
  return unresolved;
}

}  // namespace

bool ResolveHost(const std::string& host) {
  return ResolveAddresses(host, 0).has_value();
}

Result<void> WaitForHosts(std::vector<std::string> hosts, milliseconds deadline, int stop,
                          const Resolve& resolve) {
  const auto end = steady_clock::now() + deadline;
  milliseconds pause = kFirstPause;
  bool told = false;
  for (;;) {
    hosts = Unresolved(hosts, resolve);
    if (hosts.empty()) return {};
    if (!told) {
      log::Info("launch", "waiting for {} host name(s) to resolve: {}", hosts.size(),
                Join(hosts, ", "));
      told = true;
    }
    const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now());
    if (left <= milliseconds::zero()) {
      return Fail(fmt::format(
          "host name(s) did not resolve within {} s: {}; check that these hosts "
          "of resourceconfig.json were started and share a network with this one",
          std::chrono::duration_cast<std::chrono::seconds>(deadline).count(), Join(hosts, ", ")));
    }
    pollfd waited{stop, POLLIN, 0};
    const int ready =
        ::poll(&waited, stop >= 0 ? 1 : 0, static_cast<int>(std::min(pause, left).count()));
    if (ready > 0) {
      return Fail(
          fmt::format("stopped while waiting for host name(s) to resolve: {}", Join(hosts, ", ")),
          EINTR);
    }
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace berth::launch
