#include "serving/log_writer.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace berth::serving {
namespace {

constexpr size_t kCongested = size_t{1} << 20;
constexpr size_t kMost = size_t{16} << 20;
constexpr std::chrono::seconds kLastWords{2};
/// POSIX: a pipe that poll() says can be written takes so much without blocking.
constexpr size_t kAtOnce = 4096;
/// How often a reader that stands still is looked at for the end of our patience.
constexpr int kPollMs = 200;

}  // namespace

LogWriter::LogWriter(int fd, std::function<void(bool)> on_congestion)
    : fd_(fd), on_congestion_(std::move(on_congestion)), thread_([this] { Work(); }) {}

LogWriter::~LogWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LogWriter::Add(std::string_view line) {
  bool tell = false;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + line.size() > kMost) {
      ++dropped_;
      return;
    }
    waiting_ += line;
    if (waiting_.size() > kCongested && !std::exchange(congested_, true)) tell = true;
  }
  changed_.notify_one();
  if (tell) on_congestion_(true);
}

// False where nobody reads any more.
bool LogWriter::WriteSome(std::string_view& text) const {
  pollfd out{fd_, POLLOUT, 0};
  if (::poll(&out, 1, kPollMs) == 0) return true;
  const ssize_t n = ::write(fd_, text.data(), std::min(text.size(), kAtOnce));
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  text.remove_prefix(static_cast<size_t>(n));
  return true;
}

void LogWriter::Work() {
  std::unique_lock lock(mutex_);
  std::chrono::steady_clock::time_point until{};
  for (;;) {
    changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::string taken = std::move(waiting_);
    waiting_.clear();
    if (const uint64_t lost = std::exchange(dropped_, 0)) {
      taken +=
          fmt::format("... {} lines of the log were dropped here: its reader is too slow\n", lost);
    }
    const bool relieved = std::exchange(congested_, false);
    lock.unlock();
    bool alive = true;
    for (std::string_view text = taken; !text.empty() && alive;) {
      alive = WriteSome(text);
      const std::lock_guard again(mutex_);
      if (!ending_) continue;
      const auto now = std::chrono::steady_clock::now();
      if (until == std::chrono::steady_clock::time_point()) until = now + kLastWords;
      if (now > until) return;
    }
    if (relieved) on_congestion_(false);
    lock.lock();
  }
}

}  // namespace berth::serving
