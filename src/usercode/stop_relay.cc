#include "usercode/stop_relay.h"

#include <poll.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace berth::usercode {

using storage::Cancellation;

Result<std::unique_ptr<StopRelay>> StopRelay::Start(const process::HeldSignals& held,
                                                    std::chrono::milliseconds patience) {
  BERTH_ASSIGN(Cancellation cancellation, Cancellation::Make());
  BERTH_ASSIGN(Cancellation end, Cancellation::Make());
  std::unique_ptr<StopRelay> relay(new StopRelay(std::move(cancellation), std::move(end)));
  try {
    // It inherits our mask, in which the signals are blocked.
    relay->thread_ = std::thread([&self = *relay, &held, patience] { self.Wait(held, patience); });
  } catch (const std::system_error& error) {
    return Fail(Error::System(error.code().value(), "cannot start a thread"));
  }
  return relay;
}

StopRelay::~StopRelay() {
  end_.Cancel();
  if (thread_.joinable()) thread_.join();
}

void StopRelay::Wait(const process::HeldSignals& held, std::chrono::milliseconds patience) const {
  pollfd watched[2] = {{end_.descriptor(), POLLIN, 0}, {held.descriptor(), POLLIN, 0}};
  while (::poll(watched, 2, -1) < 0 && errno == EINTR) {
  }
  if (watched[0].revents != 0) return;
  if (held.Pending() == SIGTERM && end_.WaitFor(patience)) return;
  cancellation_.Cancel();
}

void TakePending(const process::HeldSignals& held) {
  while (const int signal = held.Pending()) {
    sigset_t one;
    ::sigemptyset(&one);
    ::sigaddset(&one, signal);
    const timespec at_once{};
    ::sigtimedwait(&one, nullptr, &at_once);
  }
}

}  // namespace berth::usercode
