#include "cluster/member.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "cluster/connection.h"
#include "cluster/handshake.h"
#include "cluster/link.h"
#include "core/log.h"
#include "core/text.h"

namespace berth::cluster {

/// A connection that is not a link yet.
struct Member::Attempt {
  Descriptor socket;
  std::string address;
  MemberHandshake handshake;
  bool connected = false;
  std::string input;
  EventLoop::Timer deadline = 0;
};

Result<std::unique_ptr<Member>> Member::Open(EventLoop& loop, MemberOptions options,
                                             Events events) {
  if (options.key.empty()) return berth::Fail("the link between the hosts needs a key");
  if (options.name.empty() || options.name.size() > kMaxName) {
    return berth::Fail(
        fmt::format("a host's name has 1 to {} characters, not {}", kMaxName, options.name.size()));
  }
  std::unique_ptr<Member> member(new Member(loop, std::move(options), std::move(events)));
  return member;
}

Member::Member(EventLoop& loop, MemberOptions options, Events events)
    : loop_(loop),
      options_(std::move(options)),
      events_(std::make_shared<const Events>(std::move(events))),
      resolver_(std::make_unique<Resolver>(loop, options_.lookup)),
      pause_(options_.timing.first_retry) {
  deadline_ = loop_.After(options_.deadline, [this] { OnDeadline(); });
  retry_ = loop_.At(EventLoop::Clock::now(), [this] { Resolve(); });
}

Member::~Member() {
  StopTrying();
  loop_.Cancel(close_deadline_);
  if (link_) link_->Stop();
}

void Member::StopTrying() {
  loop_.Cancel(deadline_);
  loop_.Cancel(retry_);
  DropAttempt();
  resolver_.reset();
}

void Member::DropAttempt() {
  if (!attempt_) return;
  loop_.Cancel(attempt_->deadline);
  loop_.Forget(attempt_->socket.get());
  attempt_.reset();
}

void Member::Resolve() {
  refused_ = false;
  const auto started = resolver_->Start(
      options_.hub, options_.port,
      [this](Result<std::vector<SocketAddress>> found) { OnResolved(std::move(found)); });
  if (started) return;
  Note(Trouble::kName, started.error().message());
  Retry();
}

void Member::OnResolved(Result<std::vector<SocketAddress>> addresses) {
  if (!addresses) {
    Note(Trouble::kName, addresses.error().message());
    return Retry();
  }
  addresses_ = *std::move(addresses);
  std::ranges::reverse(addresses_);
  TryNext();
}

void Member::TryNext() {
  DropAttempt();
  while (!addresses_.empty()) {
    const SocketAddress address = addresses_.back();
    addresses_.pop_back();
    Descriptor socket(
        ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const std::string where = fmt::format("{} port {}", address.HostText(), options_.port);
    if (!socket) {
      Note(Trouble::kConnection, Error::System(errno, "cannot make a socket").message());
      continue;
    }
    TuneSocket(socket.get());
    if (::connect(socket.get(), address.get(), address.size) != 0 && errno != EINPROGRESS) {
      Note(Trouble::kConnection, Error::System(errno, where).message());
      continue;
    }
    attempt_ = std::make_unique<Attempt>(
        Attempt{.socket = std::move(socket),
                .address = where,
                .handshake = MemberHandshake(options_.key, options_.hub, options_.name),
                .input = {}});
    attempt_->deadline = loop_.After(options_.timing.handshake, [this] {
      Note(attempt_->connected ? Trouble::kStranger : Trouble::kConnection,
           fmt::format("{} does not answer{}", attempt_->address,
                       attempt_->connected
                           ? " as a berth does"
                           : "; is the port open between the hosts (security group, firewall)?"));
      TryNext();
    });
    const auto watched =
        loop_.Watch(attempt_->socket.get(), EPOLLOUT, [this](uint32_t) { OnAttempt(); });
    if (watched) return;
    Note(Trouble::kConnection, watched.error().message());
    DropAttempt();
  }
  Retry();
}

void Member::OnAttempt() {
  if (!attempt_->connected) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(attempt_->socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      Note(Trouble::kConnection, Error::System(error, attempt_->address).message());
      return TryNext();
    }
    attempt_->connected = true;
    loop_.Change(attempt_->socket.get(), EPOLLIN);
    if (!SendAtOnce(attempt_->socket.get(), attempt_->handshake.Hello())) OnBroken();
    return;
  }
  switch (ReceiveSome(attempt_->socket.get(), attempt_->input, kMaxHandshake)) {
    case Received::kNothingYet:
      return;
    case Received::kEnd:
      return OnBroken();
    case Received::kBytes:
      return OnHandshake();
  }
}

void Member::OnBroken() {
  Note(Trouble::kConnection,
       fmt::format("{} closed the connection before it had said who it is", attempt_->address));
  TryNext();
}

void Member::OnHandshake() {
  std::string output;
  const MemberHandshake::State state = attempt_->handshake.Feed(attempt_->input, output);
  const std::string& where = attempt_->address;
  switch (state) {
    case MemberHandshake::State::kMore:
      if (!SendAtOnce(attempt_->socket.get(), output)) OnBroken();
      return;
    case MemberHandshake::State::kWelcome:
      return Join();
    case MemberHandshake::State::kUnknownName:
      return GiveUp(
          fmt::format("the master {} ({}) does not have this host among the job's hosts: "
                      "it calls itself {}; check that the resourceconfig.json of all "
                      "hosts names the same hosts",
                      Quoted(options_.hub), where, Quoted(options_.name)));
    case MemberHandshake::State::kTaken:
      Note(Trouble::kTaken, fmt::format("a host that calls itself {}, as this one does, has joined "
                                        "already; check that the hosts have different names",
                                        Quoted(options_.name)));
      break;
    case MemberHandshake::State::kWrongKey:
      Note(Trouble::kKey,
           fmt::format("{} and this host do not know the same key: the hosts were not given the "
                       "same job; check that they have the same configuration, and "
                       "BERTH_CLUSTER_KEY on all or none",
                       where));
      break;
    case MemberHandshake::State::kOtherVersion:
      Note(Trouble::kVersion,
           fmt::format("the berth at {} is of another version; run the same image on all hosts",
                       where));
      break;
    case MemberHandshake::State::kStranger:
      Note(Trouble::kStranger, fmt::format("what answers at {} is no berth of a job; is the port "
                                           "another program's? Set BERTH_CONTROL_PORT to a free "
                                           "port, the same on all hosts",
                                           where));
      break;
  }
  TryNext();
}

void Member::Note(Trouble trouble, const std::string& what) {
  const bool refusal =
      trouble == Trouble::kKey || trouble == Trouble::kTaken || trouble == Trouble::kVersion;
  refused_ = refused_ || refusal;
  // A refusal says more than what other addresses of the name answer.
  if (refusal || !refused_) trouble_ = what;
  if (!told_.insert(trouble).second) return;
  log::Write(refusal ? log::Level::kWarning : log::Level::kInfo, "cluster",
             fmt::format("waiting for the master {}: {}", Quoted(options_.hub), what));
}

void Member::Retry() {
  const auto now = EventLoop::Clock::now();
  if (!refused_) {
    refused_since_.reset();
  } else if (!refused_since_) {
    refused_since_ = now;
  } else if (now - *refused_since_ >= options_.timing.patience) {
    return GiveUp(
        fmt::format("the master {} refused this host: {}", Quoted(options_.hub), trouble_));
  }
  retry_ = loop_.After(pause_, [this] { Resolve(); });
  pause_ = std::min(pause_ * 2, options_.timing.last_retry);
}

void Member::OnDeadline() {
  GiveUp(fmt::format("the master {} could not be joined within {} s: {}", Quoted(options_.hub),
                     std::chrono::duration_cast<std::chrono::seconds>(options_.deadline).count(),
                     trouble_.empty() ? "its name was still being looked up" : trouble_));
}

void Member::GiveUp(std::string why) {
  StopTrying();
  const auto events = events_;
  const std::string told = std::move(why);
  events->lost(false, told);
}

void Member::Join() {
  const SessionKeys keys = attempt_->handshake.keys();
  loop_.Forget(attempt_->socket.get());
  const auto link = std::make_shared<Link>(
      loop_, std::move(attempt_->socket), keys.to_hub, keys.to_member, std::move(attempt_->input),
      options_.timing,
      Link::Events{.received =
                       [this](const Message& message) {
                         const auto events = events_;
                         events->received(message);
                       },
                   .ended = [this](LinkEnd end, const std::string& why) { OnEnd(end, why); }});
  StopTrying();
  link_ = link;
  const auto events = events_;
  events->joined();
  link->Begin();  // nothing where that has stopped it
}

void Member::OnEnd(LinkEnd end, const std::string& why) {
  link_.reset();
  if (closed_) {
    loop_.Cancel(close_deadline_);
    const auto closed = closed_;
    return closed();
  }
  const auto events = events_;
  if (end == LinkEnd::kLeft) {
    events->left();
  } else {
    events->lost(true, why);
  }
}

bool Member::Send(const Message& message) {
  const auto text = Encode(message);
  if (text && link_) link_->Send(*text);
  return text.has_value();
}

bool Member::flushed() const {
  return !link_ || link_->flushed();
}

void Member::Close(std::function<void()> closed) {
  closed_ = std::move(closed);
  StopTrying();
  if (link_) link_->Bye();
  const auto limit = link_ ? options_.timing.close : std::chrono::milliseconds::zero();
  close_deadline_ = loop_.After(limit, [this] {
    if (link_) link_->Stop();
    OnEnd(LinkEnd::kLeft, {});
  });
}

}  // namespace berth::cluster
