#include "ranks/outlet.h"

#include <sys/epoll.h>

#include <climits>
#include <utility>

namespace berth::ranks {

Outlet::Outlet(EventLoop& loop, int fd, std::function<void()> on_free)
    : loop_(loop), sink_(fd), on_free_(std::move(on_free)) {}

Outlet::~Outlet() {
  if (blocked_) loop_.Forget(sink_.fd());
}

bool Outlet::PutLine(std::string_view prefix, std::string_view text, bool newline) {
  const size_t size = prefix.size() + text.size() + (newline ? 1 : 0);
  if (taken_.size() + size > PIPE_BUF && !Flush()) return false;
  taken_.append(prefix);
  taken_.append(text);
  if (newline) taken_ += '\n';
  return true;
}

size_t Outlet::PutBytes(std::string_view bytes) {
  if (!Flush()) return 0;
  size_t done = 0;
  while (done < bytes.size()) {
    if (abandoned_) {
      lost_ = true;
      return bytes.size();
    }
    const size_t n = sink_.Write(bytes.substr(done));
    if (n == 0) {
      Block();
      if (blocked_) break;
    }
    done += n;
  }
  return done;
}

bool Outlet::Flush() {
  if (blocked_) return false;
  while (begin_ < taken_.size()) {
    const size_t n = sink_.Write(std::string_view(taken_).substr(begin_));
    if (n == 0) {
      Block();
      if (blocked_) return false;
    }
    begin_ += n;
  }
  taken_.clear();
  begin_ = 0;
  return true;
}

void Outlet::Block() {
  blocked_ = true;
  const auto watched = loop_.Watch(sink_.fd(), EPOLLOUT, [this](uint32_t) {
    loop_.Forget(sink_.fd());
    blocked_ = false;
    if (Flush()) on_free_();
  });
  // No pipe, terminal or socket refuses to be watched; anything else never blocks.
  if (!watched) Abandon();
}

void Outlet::Abandon() {
  if (blocked_) loop_.Forget(sink_.fd());
  lost_ |= begin_ < taken_.size();
  blocked_ = false;
  abandoned_ = true;
  sink_ = process::Sink(-1);
  taken_.clear();
  begin_ = 0;
}

}  // namespace berth::ranks
