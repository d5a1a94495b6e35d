#include "cluster/hub.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "cluster/connection.h"
#include "cluster/handshake.h"
#include "cluster/link.h"
#include "core/log.h"
#include "core/resolve.h"
#include "core/text.h"

namespace berth::cluster {
namespace {

/// Accepted in one round; then it is the members' turn.
constexpr int kAcceptAtOnce = 64;
/// How long connections wait in the kernel's queue where the system has no descriptor for one.
constexpr std::chrono::milliseconds kAcceptPause{100};
/// Descriptors that this process has open for other things.
constexpr size_t kOtherDescriptors = 128;

/// A socket for both families, for IPv4 alone where there is no IPv6. -1 and errno.
Descriptor BindTo(uint16_t port) {
  const int on = 1;
  const int off = 0;
  constexpr int kFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  Descriptor six(::socket(AF_INET6, kFlags, 0));
  if (six) {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    ::setsockopt(six.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(six.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (::bind(six.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0) return six;
    if (errno != EADDRNOTAVAIL) return {};
  }
  Descriptor four(::socket(AF_INET, kFlags, 0));
  if (!four) return {};
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(port);
  ::setsockopt(four.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(four.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) return {};
  return four;
}

uint16_t PortOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                   : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

}  // namespace

/// A connection that has not proved anything yet.
struct Hub::Caller {
  Descriptor socket;
  std::string address;
  HubHandshake handshake;
  std::string input;
  EventLoop::Timer deadline = 0;
};

Result<std::unique_ptr<Hub>> Hub::Open(EventLoop& loop, HubOptions options, Events events) {
  if (options.key.empty()) return Fail("the link between the hosts needs a key");
  std::unique_ptr<Hub> hub(new Hub(loop, std::move(options), std::move(events)));
  BERTH_TRY(hub->MakeRoom());
  BERTH_TRY(hub->Listen());
  return hub;
}

Hub::Hub(EventLoop& loop, HubOptions options, Events events)
    : loop_(loop),
      options_(std::move(options)),
      events_(std::make_shared<const Events>(std::move(events))) {}

Hub::~Hub() {
  if (listener_) loop_.Forget(listener_.get());
  loop_.Cancel(accept_again_);
  loop_.Cancel(close_deadline_);
  while (!callers_.empty()) Drop(callers_.begin());
  for (const auto& [host, link] : links_) link->Stop();
}

Result<void> Hub::MakeRoom() {
  const rlim_t needed = options_.members.size() + kMaxPending + kOtherDescriptors;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return {};
  if (limit.rlim_max < needed) {
    return Fail(
        fmt::format("the link to {} hosts needs {} open files, and the limit is {}: raise "
                    "it (ulimit -Hn)",
                    options_.members.size(), needed, limit.rlim_max));
  }
  limit.rlim_cur = needed;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return FailErrno("cannot raise the limit of open files");
  return {};
}

Result<void> Hub::Listen() {
  listener_ = BindTo(options_.port);
  if (!listener_ || ::listen(listener_.get(), SOMAXCONN) != 0) {
    const int error = errno;
    const std::string what =
        fmt::format("cannot listen on port {} for the other hosts of the job", options_.port);
    if (error != EADDRINUSE) return Fail(Error::System(error, what));
    return Fail(fmt::format("{}: another program of this host uses it; set BERTH_CONTROL_PORT to "
                            "a free port, the same on all hosts",
                            what),
                error);
  }
  port_ = PortOf(listener_.get());
  return loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { Accept(); });
}

void Hub::Accept() {
  for (int i = 0; i < kAcceptAtOnce; ++i) {
    SocketAddress peer;
    peer.size = sizeof peer.storage;
    Descriptor socket(::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&peer.storage),
                                &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno == EAGAIN) return;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        return PauseAccepting();
      }
      continue;  // this one is gone already
    }
    if (callers_.size() >= kMaxPending) {
      TellStranger(callers_.front().address, "it waits, and many others come");
      Drop(callers_.begin());
    }
    TuneSocket(socket.get());
    const auto caller = callers_.insert(
        callers_.end(), Caller{.socket = std::move(socket),
                               .address = peer.HostText(),
                               .handshake = HubHandshake(options_.key, options_.name),
                               .input = {}});
    caller->deadline = loop_.After(options_.timing.handshake, [this, caller] {
      TellStranger(caller->address,
                   fmt::format("it did not say who it is within {:.1f} s",
                               std::chrono::duration<double>(options_.timing.handshake).count()));
      Drop(caller);
    });
    if (!loop_.Watch(caller->socket.get(), EPOLLIN, [this, caller](uint32_t) { OnCaller(caller); }))
      Drop(caller);
  }
}

void Hub::PauseAccepting() {
  // A caller's descriptor is of more use to a newer one.
  if (!callers_.empty()) Drop(callers_.begin());
  loop_.Change(listener_.get(), 0);
  accept_again_ = loop_.After(kAcceptPause, [this] { loop_.Change(listener_.get(), EPOLLIN); });
}

void Hub::Drop(Callers::iterator caller) {
  loop_.Cancel(caller->deadline);
  loop_.Forget(caller->socket.get());
  callers_.erase(caller);
}

void Hub::TellStranger(const std::string& who, const std::string& what) {
  if (stranger_lines_ >= kMaxStrangerLines) return;
  ++stranger_lines_;
  log::Warning("cluster", "refused a connection from {}: {}{}", who, what,
               stranger_lines_ == kMaxStrangerLines ? "; no more of these are told" : "");
}

void Hub::OnCaller(Callers::iterator caller) {
  switch (ReceiveSome(caller->socket.get(), caller->input, kMaxHandshake)) {
    case Received::kNothingYet:
      return;
    case Received::kEnd:
      return Drop(caller);  // a port scanner, or a health check: no news
    case Received::kBytes:
      break;
  }
  Judge(caller);
}

void Hub::Judge(Callers::iterator caller) {
  std::string output;
  const HubHandshake::State state = caller->handshake.Feed(caller->input, output);
  const std::string& host = caller->handshake.member();
  const bool listed = std::ranges::find(options_.members, host) != options_.members.end();
  std::optional<Verdict> verdict;
  switch (state) {
    case HubHandshake::State::kMore:
      if (!SendAtOnce(caller->socket.get(), output)) Drop(caller);
      return;
    case HubHandshake::State::kStranger:
      TellStranger(caller->address, "it is no berth of a job");
      break;
    case HubHandshake::State::kOtherVersion:
      TellStranger(caller->address, "its berth is of another version");
      break;
    case HubHandshake::State::kWrongKey:
      if (!listed) {
        TellStranger(caller->address, "it does not know this job's key");
      } else if (told_of_key_.insert(host).second) {
        log::Warning("cluster",
                     "refused a connection from {}, which calls itself {}: it does not know this "
                     "job's key. If it is that host, the hosts were not given the same job: check "
                     "that they have the same configuration, and BERTH_CLUSTER_KEY on all or none",
                     caller->address, Quoted(host));
      }
      break;
    case HubHandshake::State::kProved:
      if (!listed) {
        verdict = Verdict::kUnknownName;
        TellStranger(caller->address,
                     fmt::format("it knows this job's key and calls itself {}, which is none of "
                                 "the job's hosts",
                                 Quoted(host)));
      } else if (links_.contains(host)) {
        verdict = Verdict::kTaken;
        TellStranger(caller->address, fmt::format("a host {} has joined already", Quoted(host)));
      } else {
        verdict = Verdict::kWelcome;
      }
      break;
  }
  if (verdict) output += caller->handshake.Answer(*verdict);
  const bool sent = SendAtOnce(caller->socket.get(), output);
  if (sent && verdict == Verdict::kWelcome) return Admit(caller, host);
  Drop(caller);
}

void Hub::Admit(Callers::iterator caller, std::string host) {
  const std::string name = std::move(host);
  const SessionKeys keys = caller->handshake.keys();
  loop_.Forget(caller->socket.get());
  const auto link = std::make_shared<Link>(
      loop_, std::move(caller->socket), keys.to_member, keys.to_hub, std::move(caller->input),
      options_.timing,
      Link::Events{
          .received =
              [this, name](const Message& message) {
                const auto events = events_;
                events->received(name, message);
              },
          .ended = [this, name](LinkEnd end, const std::string& why) { OnEnd(name, end, why); }});
  Drop(caller);
  links_[name] = link;
  const auto events = events_;
  events->joined(name);
  link->Begin();  // nothing where that has stopped it
}

void Hub::OnEnd(const std::string& host, LinkEnd end, const std::string& why) {
  links_.erase(host);
  if (closed_) return CheckClosed();
  const auto events = events_;
  if (end == LinkEnd::kLeft) {
    events->left(host);
  } else {
    events->lost(host, why);
  }
}

bool Hub::Send(const std::string& host, const Message& message) {
  const auto text = Encode(message);
  if (!text) return false;
  const auto link = links_.find(host);
  if (link != links_.end()) link->second->Send(*text);
  return true;
}

bool Hub::Broadcast(const Message& message) {
  const auto text = Encode(message);
  if (!text) return false;
  for (const auto& [host, link] : links_) link->Send(*text);
  return true;
}

bool Hub::flushed() const {
  return std::ranges::all_of(links_, [](const auto& each) { return each.second->flushed(); });
}

void Hub::Close(std::function<void()> closed) {
  closed_ = std::move(closed);
  while (!callers_.empty()) Drop(callers_.begin());
  loop_.Cancel(accept_again_);
  loop_.Forget(listener_.get());
  listener_.Close();
  for (const auto& [host, link] : links_) link->Bye();
  const auto limit = links_.empty() ? std::chrono::milliseconds::zero() : options_.timing.close;
  close_deadline_ = loop_.After(limit, [this] {
    for (const auto& [host, link] : links_) link->Stop();
    links_.clear();
    CheckClosed();
  });
}

void Hub::CheckClosed() {
  if (!links_.empty()) return;
  loop_.Cancel(close_deadline_);
  const auto closed = closed_;
  closed();
}

bool Hub::joined(const std::string& host) const {
  return links_.contains(host);
}

std::vector<std::string> Hub::absent() const {
  std::vector<std::string> hosts;
  for (const std::string& host : options_.members) {
    if (!joined(host)) hosts.push_back(host);
  }
  return hosts;
}

}  // namespace berth::cluster
