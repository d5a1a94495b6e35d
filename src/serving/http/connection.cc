#include "serving/http/connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <utility>

namespace berth::serving::http {
namespace {

// A client that keeps its connection after an answer that did not want the body sends at most this
// much in vain; where more is coming, the connection ends.
constexpr uint64_t kMostSkipped = uint64_t{64} << 10;

// How long a connection is left open in a drain for a request that may be on its way.
constexpr std::chrono::seconds kDrainGrace{1};

Response FaultResponse(const Fault& fault, const Limits& limits) {
  // One word, as the names of exceptions and all other errors are.
  std::string error(Reason(fault.status));
  std::erase(error, ' ');
  if (fault.status != 413) return ErrorResponse(fault.status, error, fault.message);
  return ErrorResponse(413, error,
                       fmt::format("{}: at most {} bytes (SAGEMAKER_MAX_PAYLOAD_IN_MB)",
                                   fault.message, limits.body));
}

/// What a request of a client that will send no more may wait.
constexpr std::chrono::seconds kHalfClosedWait{1};

}  // namespace

Connection::Connection(Hub& hub, Descriptor socket, std::string peer)
    : hub_(hub),
      socket_(hub.loop.get_executor(), socket.Release()),
      peer_(std::move(peer)),
      idle_since_(Clock::now()) {}

void Connection::Start() {
  const auto self = shared_from_this();
  serving_ = Serve();
  serving_.Start();
  if (serving_.done()) hub_.Closed(*this);
}

void Connection::Raise(unsigned event) {
  raised_ |= event;
  if (!suspended_ || (raised_ & awaited_) == 0) return;
  std::exchange(suspended_, {}).resume();
  if (serving_.done()) hub_.Closed(*this);
}

void Connection::Expire() {
  deadline_ = TimePoint::max();
  Raise(kExpired);
}

void Connection::Drain() {
  if (idle_) {
    deadline_ = std::min(deadline_, idle_since_ + kDrainGrace);
  } else if (lingering_) {
    deadline_ = std::min(deadline_, Clock::now() + kDrainGrace);
  } else {
    return;
  }
  hub_.Watch(deadline_);
}

void Connection::Abandon() {
  suspended_ = {};
  serving_ = Task<bool>();
  response_.reset();
  exchange_.reset();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Connection::WaitFor(unsigned event) {
  if ((waits_ & event) != 0) return;
  waits_ |= event;
  socket_.async_wait(event == kReadable   ? boost::asio::posix::descriptor_base::wait_read
                     : event == kWritable ? boost::asio::posix::descriptor_base::wait_write
                                          : boost::asio::posix::descriptor_base::wait_error,
                     [self = shared_from_this(), event](boost::system::error_code error) {
                       self->waits_ &= ~event;
                       // Anything but success: the descriptor is closed.
                       if (!error) self->Raise(event);
                     });
}

void Connection::Pause::await_suspend(std::coroutine_handle<> coroutine) {
  Connection& connection = connection_;
  connection.suspended_ = coroutine;
  connection.awaited_ = events_ | kExpired;
  connection.deadline_ = deadline_;
  if (deadline_ != TimePoint::max()) connection.hub_.Watch(deadline_);
  for (const unsigned event : {kReadable, kWritable, kReset}) {
    if ((events_ & event) != 0) connection.WaitFor(event);
  }
}

unsigned Connection::Pause::await_resume() {
  const unsigned come = connection_.raised_ & (events_ | kExpired);
  connection_.raised_ &= ~(events_ | kExpired);
  connection_.deadline_ = TimePoint::max();
  return come;
}

/// Lets the other connections have their turn.
Connection::Pause Connection::NextTurn() {
  boost::asio::post(hub_.loop, [self = shared_from_this()] { self->Raise(kTurn); });
  return {*this, kTurn, TimePoint::max()};
}

void Connection::Ended(unsigned status, std::string_view request_id, std::string_view why) {
  hub_.service.Ended(parsed_.head.method, parsed_.head.target, status, request_id, why, bytes_in_,
                     bytes_out_, Clock::now() - parsed_.head.arrived);
}

Task<bool> Connection::Serve() {
  while (co_await ReadHead()) {
    const bool keep = co_await HandleRequest();
    exchange_.reset();
    response_.reset();
    memory_.reset();
    if (body_.capacity() > kInlineBody) body_ = std::string();
    if (!keep) break;
    idle_since_ = Clock::now();
  }
  workspace_.reset();
  boost::system::error_code ignored;
  socket_.close(ignored);
  co_return true;
}

/// Leaves the head in parsed_, or fault_. False: the connection ends without a word.
Task<bool> Connection::ReadHead() {
  fault_.reset();
  scanner_.Reset();
  parsed_ = ParsedHead();
  head_size_ = 0;
  bytes_in_ = bytes_out_ = 0;
  bool begun = workspace_ && !workspace_->held().empty();
  if (begun) parsed_.head.arrived = Clock::now();
  while (true) {
    if (begun) {
      fault_ = TakeHead();
      if (fault_ || head_size_ > 0) co_return true;
      begun = !workspace_->held().empty();
    }
    if (!begun && workspace_) {
      hub_.workspaces.GiveBack(std::move(workspace_));
    }
    TimePoint deadline = parsed_.head.arrived + hub_.limits.head_time;
    if (!begun) {
      deadline = idle_since_ + (hub_.draining ? kDrainGrace : hub_.limits.idle);
    }
    idle_ = !begun;
    const unsigned come = co_await Pause(*this, kReadable, deadline);
    idle_ = false;
    if ((come & kReadable) == 0) {
      if (!begun) co_return false;
      fault_ = Fault{408, "the request's head was not complete in time"};
      co_return true;
    }
    if (!workspace_) workspace_ = hub_.workspaces.Take();
    const Got got = Fill();
    if (got == Got::kEnd) co_return false;
    if (got == Got::kBytes && !begun) {
      begun = true;
      parsed_.head.arrived = Clock::now();
    }
  }
}

/// Takes the head out of what has arrived; head_size_ stays 0 while it is not whole.
std::optional<Fault> Connection::TakeHead() {
  Workspace& space = *workspace_;
  // Empty lines before a request, which old clients send after a body (RFC 9112, 2.2).
  while (space.held().starts_with("\r\n")) {
    space.begin += 2;
    scanner_.Reset();
  }
  const auto size = scanner_.Find(space.held());
  if (!size) return size.error();
  const Fault too_large{431, "request line and headers are larger than this server allows"};
  if (*size > hub_.limits.head) return too_large;
  if (*size == 0) {
    if (space.held().size() >= hub_.limits.head) return too_large;
    if (space.room_size() == 0) space.Reserve(hub_.limits.head + kInlineBody);
    return std::nullopt;
  }
  // Room for the body and a little more, so that the client's going is seen. From here on nothing
  // in the workspace moves.
  space.Reserve(*size + kInlineBody + 512);
  const TimePoint arrived = parsed_.head.arrived;
  const auto fault = ParseHead(space.held().substr(0, *size), space.headers, parsed_);
  parsed_.head.arrived = arrived;
  parsed_.head.peer = peer_;
  if (fault) return fault;
  head_size_ = *size;
  space.begin += *size;
  bytes_in_ = *size;
  return std::nullopt;
}

/// True where the connection is good for another request.
Task<bool> Connection::HandleRequest() {
  bool keep = parsed_.keep_alive;
  uint64_t to_skip = 0;
  if (!fault_ && parsed_.framing == Framing::kLength && parsed_.length > hub_.limits.body) {
    fault_ = Fault{413, "the body is larger than this server allows"};
  }
  if (!fault_) {
    auto begun = hub_.service.Begin(parsed_.head);
    if (auto* answer = std::get_if<Response>(&begun)) {
      response_ = std::move(*answer);
      to_skip = parsed_.length;
      if (parsed_.framing == Framing::kChunked || parsed_.expects_continue ||
          to_skip > kMostSkipped) {
        keep = false;
      }
    } else {
      exchange_ = std::move(std::get<std::unique_ptr<Exchange>>(begun));
    }
  }
  if (!fault_ && exchange_) {
    whole_body_ = {};
    if (parsed_.framing != Framing::kNone) {
      const Body body = co_await ReadBody(*exchange_);
      if (body == Body::kGone) {
        exchange_.reset();
        Ended(499, {}, {});
        co_return false;
      }
    }
    if (!fault_) {
      Run(whole_body_);
      bool answered = response_.has_value();
      if (!answered) answered = co_await AwaitAnswer();
      if (!answered) {
        exchange_.reset();
        Ended(499, {}, {});
        co_return false;
      }
    }
  }
  if (fault_) {
    exchange_.reset();
    response_ = FaultResponse(*fault_, hub_.limits);
    keep = false;
  }
  if (response_->status >= 400 && response_->request_id.empty()) {
    hub_.service.Label(parsed_.head, *response_);
  }
  const bool written = co_await WriteAnswer(*response_, keep);
  Ended(written ? response_->status : 499, response_->request_id, response_->why);
  if (!written) co_return false;
  exchange_.reset();
  response_.reset();
  if (keep) {
    if (to_skip > 0) keep = co_await SkipBody(to_skip);
    co_return keep;
  }
  // Whatever the client still sends would answer with a reset that may overtake the answer.
  if (fault_ || to_skip > 0 || parsed_.framing == Framing::kChunked ||
      !workspace_->held().empty()) {
    co_await Linger();
  }
  co_return false;
}

void Connection::Run(std::span<const char> body) {
  ++request_number_;
  raised_ &= ~static_cast<unsigned>(kAnswered);
  running_ = true;
  exchange_->Run(body, [weak = weak_from_this(), number = request_number_](Response response) {
    const auto self = weak.lock();
    if (!self || self->request_number_ != number || !self->exchange_ || self->response_) return;
    self->response_ = std::move(response);
    if (self->running_) return;
    // Not from here: what follows destroys the exchange, which may be the caller.
    boost::asio::post(self->hub_.loop, [self] { self->Raise(kAnswered); });
  });
  running_ = false;
}

/// False: the client went away first.
Task<bool> Connection::AwaitAnswer() {
  // A client that will send no more may still read (`nc -N`): one that has closed both ways looks
  // the same until it is written to. So it is taken for gone where its request still waits a while
  // later, which those who gave up do most of, and else only by a reset.
  const auto given_up = [this] {
    return half_closed_ ? Clock::now() + kHalfClosedWait : TimePoint::max();
  };
  TimePoint look = given_up();
  while (true) {
    // Bytes of further requests are kept as far as there is room.
    const bool reads = !half_closed_ && workspace_->room_size() > 0;
    const unsigned come = co_await Pause(*this, kAnswered | (reads ? kReadable : kReset), look);
    if (response_) co_return true;
    if ((come & kReset) != 0) co_return false;
    if ((come & kExpired) != 0) {
      if (exchange_->waiting()) co_return false;
      look = TimePoint::max();
    }
    if ((come & kReadable) == 0 || Fill() != Got::kEnd) continue;
    if (!half_closed_) co_return false;
    look = given_up();
  }
}

}  // namespace berth::serving::http
