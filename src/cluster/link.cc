#include "cluster/link.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/log.h"

namespace berth::cluster {
namespace {

/// Read at once from one peer; then it is the others' turn.
constexpr size_t kReadAtOnce = size_t{64} << 10;

}  // namespace

std::optional<std::string> Encode(const json::Object& message) {
  std::string text = json::Dump(json::Value(message));
  if (text.size() <= kMaxMessage) return text;
  log::Error("cluster", "a message of {} bytes to another host was not sent: the limit is {}",
             text.size(), kMaxMessage);
  return std::nullopt;
}

Link::Link(EventLoop& loop, Descriptor socket, const Digest& send_key, const Digest& receive_key,
           std::string input, const Timing& timing, Events events)
    : loop_(loop),
      socket_(std::move(socket)),
      sealer_(send_key),
      opener_(receive_key),
      timing_(timing),
      events_(std::move(events)),
      input_(std::move(input)),
      heard_(EventLoop::Clock::now()) {}

void Link::Begin() {
  const auto self = shared_from_this();
  if (!socket_) return;  // an event before this one has stopped us
  // Something may have been sent already.
  watched_ = flushed() ? EPOLLIN : EPOLLIN | EPOLLOUT;
  const auto watched = loop_.Watch(socket_.get(), watched_, [this](uint32_t e) { OnSocket(e); });
  if (!watched) return End(LinkEnd::kLost, watched.error().message());
  Beat();
  ListenFor(timing_.silence);
  TakeFrames();
}

void Link::Send(std::string_view message) {
  if (!socket_ || leaving_) return;
  sealer_.Seal(FrameKind::kMessage, message, output_);
  Write();
}

void Link::Bye() {
  if (!socket_ || leaving_) return;
  leaving_ = true;
  sealer_.Seal(FrameKind::kBye, {}, output_);
  Write();
}

void Link::Stop() {
  if (!socket_) return;
  loop_.Forget(socket_.get());
  socket_.Close();
  loop_.Cancel(beat_);
  loop_.Cancel(silence_);
  loop_.Cancel(overflow_);
  output_.clear();
  sent_ = 0;
}

void Link::End(LinkEnd end, std::string why) {
  const auto self = shared_from_this();
  Stop();
  const std::string told = std::move(why);
  events_.ended(end, told);
}

void Link::OnSocket(uint32_t events) {
  const auto self = shared_from_this();
  if ((events & EPOLLOUT) != 0) Write();
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) Read();
}

bool Link::Read() {
  std::array<char, kReadAtOnce> bytes;
  const ssize_t n = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
  const int error = errno;
  if (n > 0) {
    input_.append(bytes.data(), static_cast<size_t>(n));
    TakeFrames();
    return true;
  }
  if (n == 0 || error == ECONNRESET) {  // reset: closed with something of ours unread
    End(LinkEnd::kLost, "its berth ended: the connection was closed");
  } else if (error != EAGAIN && error != EINTR) {
    End(LinkEnd::kLost,
        fmt::format("the connection broke: {}", std::generic_category().message(error)));
  }
  return false;
}

void Link::TakeFrames() {
  std::string_view rest = input_;
  Frame frame;
  for (;;) {
    const auto taken = opener_.Next(rest, frame);
    if (!taken) return End(LinkEnd::kLost, taken.error().message());
    if (!*taken) break;
    heard_ = EventLoop::Clock::now();
    if (frame.kind == FrameKind::kBye) return End(LinkEnd::kLeft, {});
    if (frame.kind == FrameKind::kHeartbeat || leaving_) continue;
    const auto value = json::Parse(frame.content);
    const json::Object* message = value ? value->AsObject() : nullptr;
    if (message == nullptr) return End(LinkEnd::kLost, "it sent a message that is no JSON object");
    events_.received(*message);
    if (!socket_) return;  // stopped by that
  }
  input_.erase(0, input_.size() - rest.size());
}

void Link::Write() {
  while (sent_ < output_.size()) {
    const ssize_t n =
        ::send(socket_.get(), output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      // The connection is gone. Read() finds that out, behind what the peer has sent before.
      if (errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM) sent_ = output_.size();
      break;
    }
    sent_ += static_cast<size_t>(n);
  }
  if (flushed()) {
    output_.clear();
    sent_ = 0;
    if (leaving_ && !shut_) shut_ = ::shutdown(socket_.get(), SHUT_WR) == 0;
  } else if (sent_ >= output_.size() / 2) {
    output_.erase(0, std::exchange(sent_, 0));
  }
  if (output_.size() - sent_ > kMaxQueued && overflow_ == 0) {
    // Not from here: whoever sends does not expect to be called.
    overflow_ = loop_.At(EventLoop::Clock::now(), [this] {
      End(LinkEnd::kLost,
          fmt::format("it does not read what it is sent: more than {} MiB wait for it",
                      kMaxQueued >> 20));
    });
  }
  const uint32_t wanted = flushed() ? EPOLLIN : EPOLLIN | EPOLLOUT;
  if (watched_ != 0 && wanted != watched_) {
    loop_.Change(socket_.get(), wanted);
    watched_ = wanted;
  }
}

void Link::Beat() {
  // One that could not be sent yet will do as well.
  if (flushed() && !leaving_) {
    sealer_.Seal(FrameKind::kHeartbeat, {}, output_);
    Write();
  }
  beat_ = loop_.After(timing_.heartbeat, [this] { Beat(); });
}

void Link::ListenFor(std::chrono::nanoseconds time) {
  silence_ = loop_.After(time, [this] { OnSilence(); });
}

void Link::OnSilence() {
  const auto self = shared_from_this();
  const auto left = [&] { return timing_.silence - (EventLoop::Clock::now() - heard_); };
  // Where it was us who stood still, what the peer sent meanwhile waits in the socket.
  while (left() <= left().zero() && Read() && socket_) {
  }
  if (!socket_) return;
  if (left() > left().zero()) return ListenFor(left());
  End(LinkEnd::kLost,
      fmt::format("nothing was heard of it for {:.1f} s: its network is cut, or the host is gone "
                  "or stands still",
                  std::chrono::duration<double>(timing_.silence).count()));
}

}  // namespace berth::cluster
