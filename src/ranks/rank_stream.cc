#include "ranks/rank_stream.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ranks/rank_host.h"

namespace berth::ranks {
namespace {

/// Reads of one stream before others have their turn.
constexpr int kRounds = 4;
/// Memory beyond this is given back when a long line has gone.
constexpr size_t kKeptMemory = size_t{64} << 10;

}  // namespace

RankStream::RankStream(EventLoop& loop, Spec spec)
    : loop_(loop),
      source_(std::move(spec.source)),
      outlet_(*spec.outlet),
      prefix_(std::move(spec.prefix)),
      tail_(spec.tail),
      observer_(std::move(spec.observer)),
      waits_(std::move(spec.waits)),
      scratch_(spec.scratch) {}

RankStream::~RankStream() {
  Close();
}

Result<void> RankStream::Listen() {
  BERTH_TRY(loop_.Watch(source_.get(), EPOLLIN, [this](uint32_t) { Advance(); }));
  listening_ = true;
  return {};
}

void RankStream::Ignore() {
  if (listening_) loop_.Forget(source_.get());
  listening_ = false;
}

void RankStream::Close() {
  Ignore();
  source_.Close();
}

void RankStream::Advance() {
  if (outlet_.blocked()) {
    StandStill();
    return;
  }
  for (int round = 0; round < kRounds && !waiting_; ++round) {
    // Less than there was room for: that was all.
    if (Read() < scratch_.size()) break;
  }
  outlet_.Flush();
}

size_t RankStream::Read() {
  ssize_t n = 0;
  do {
    n = ::read(source_.get(), scratch_.data(), scratch_.size());
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    Take({scratch_.data(), static_cast<size_t>(n)});
    return static_cast<size_t>(n);
  }
  if (n < 0 && errno == EAGAIN) return 0;
  Close();
  End();
  return 0;
}

void RankStream::Take(std::string_view bytes) {
  if (tail_ != nullptr) tail_->Append(bytes);
  if (observer_) observer_(bytes);
  if (waiting_) {
    held_.append(bytes);
    return;
  }
  if (!held_.empty()) {  // an unfinished line
    const size_t newline = bytes.find('\n');
    const size_t size = newline == std::string_view::npos ? bytes.size() : newline + 1;
    held_.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
    if (newline == std::string_view::npos && held_.size() <= kLongestLine) return;
    if (!PassHeld()) {
      held_.append(bytes);
      StandStill();
      return;
    }
    if (!held_.empty()) return;  // of a very long line; it was all there was
  }
  if (!Pass(bytes)) StandStill();
  held_.assign(bytes);
}

bool RankStream::Pass(std::string_view& bytes) {
  if (prefix_.empty()) {
    bytes.remove_prefix(outlet_.PutBytes(bytes));
    return bytes.empty();
  }
  while (!bytes.empty()) {
    const size_t newline = bytes.substr(0, kLongestLine + 1).find('\n');
    const bool whole = newline != std::string_view::npos;
    if (!whole && bytes.size() <= kLongestLine) return true;
    const size_t size = whole ? newline + 1 : kLongestLine;
    if (!outlet_.PutLine(prefix_, bytes.substr(0, size), !whole)) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

bool RankStream::PassHeld() {
  std::string_view rest = std::string_view(held_).substr(begin_);
  bool passed = Pass(rest);
  if (passed && complete_) {
    passed = rest.empty() || outlet_.PutLine(prefix_, rest, true);
    if (passed) rest = {};
  }
  begin_ = held_.size() - rest.size();
  if (!passed) return false;
  complete_ = false;
  held_.erase(0, begin_);
  begin_ = 0;
  if (held_.empty() && held_.capacity() > kKeptMemory) held_ = {};
  return true;
}

void RankStream::StandStill() {
  Ignore();
  if (!std::exchange(waiting_, true)) waits_(this);
}

bool RankStream::Resume() {
  if (!PassHeld()) return false;
  waiting_ = false;
  // It was watched before.
  if (source_ && !Listen()) Close();
  return true;
}

void RankStream::End() {
  complete_ = true;
  if (!waiting_ && !PassHeld()) StandStill();
}

void RankStream::Complete() {
  for (size_t read = 0; source_ && read <= kRankPipe;) {
    const size_t n = Read();
    if (n == 0) break;
    read += n;
  }
  End();
}

bool RankStream::idle() const {
  if (waiting_) return false;
  pollfd look{source_.get(), POLLIN, 0};
  return !source_ || ::poll(&look, 1, 0) == 0 || (look.revents & POLLIN) == 0;
}

}  // namespace berth::ranks
