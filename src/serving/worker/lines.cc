#include "serving/worker/lines.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace berth::serving::worker {
namespace {

constexpr size_t kLongestLine = size_t{64} << 10;
constexpr size_t kAtOnce = size_t{1} << 20;

log::Level LevelOf(std::string_view letter) {
  if (letter == "E") return log::Level::kError;
  if (letter == "W") return log::Level::kWarning;
  return letter == "D" ? log::Level::kDebug : log::Level::kInfo;
}

}  // namespace

Lines::Lines(Descriptor pipe, Take take) : pipe_(std::move(pipe)), take_(std::move(take)) {}

bool Lines::Read() {
  std::array<char, 16 << 10> buffer;
  for (size_t total = 0; total < kAtOnce;) {
    const ssize_t n = ::read(pipe_.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return true;
    if (n <= 0) {
      if (!pending_.empty()) Tell(pending_);
      pending_.clear();
      return false;
    }
    total += static_cast<size_t>(n);
    pending_.append(buffer.data(), static_cast<size_t>(n));
    Split();
  }
  return true;
}

void Lines::Split() {
  size_t at = 0;
  for (;;) {
    const size_t end = pending_.find('\n', at);
    if (end != std::string::npos) {
      Tell(std::string_view(pending_).substr(at, end - at));
      at = end + 1;
    } else if (pending_.size() - at > kLongestLine) {
      Tell(std::string_view(pending_).substr(at, kLongestLine));
      at += kLongestLine;
    } else {
      break;
    }
  }
  pending_.erase(0, at);
}

void Lines::Tell(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const size_t mark = line.find('\x1e');
  const size_t end = mark == std::string_view::npos ? mark : line.find('\x1f', mark);
  if (end == std::string_view::npos) {
    take_({}, log::Level::kInfo, line);
    return;
  }
  if (mark > 0) take_({}, log::Level::kInfo, line.substr(0, mark));
  std::string_view id = line.substr(mark + 1, end - mark - 1);
  auto level = log::Level::kInfo;
  if (const size_t at = id.find('\x1d'); at != std::string_view::npos) {
    level = LevelOf(id.substr(at + 1));
    id = id.substr(0, at);
  }
  take_(id, level, line.substr(end + 1));
}

}  // namespace berth::serving::worker
