// What a connection reads besides heads: bodies into the three places where they may go, and what
// is read only to be dropped.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "serving/http/chunks.h"
#include "serving/http/connection.h"
#include "serving/http/unpacker.h"

namespace berth::serving::http {
namespace {

// After so much in a row the other connections have a turn.
constexpr size_t kTurnBytes = size_t{256} << 10;

constexpr Fault kTooLarge{413, "the body is larger than this server allows"};
constexpr Fault kTooSlow{408, "the body did not arrive in time"};

}  // namespace

Connection::Got Connection::Receive(char* to, size_t size, size_t& received) {
  while (true) {
    const ssize_t result = ::recv(socket_.native_handle(), to, size, 0);
    if (result > 0) {
      received = static_cast<size_t>(result);
      return Got::kBytes;
    }
    if (result == 0) {
      half_closed_ = true;
      return Got::kEnd;
    }
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? Got::kNothing : Got::kEnd;
  }
}

/// Reads behind what the workspace holds; there is room.
Connection::Got Connection::Fill() {
  size_t received = 0;
  const Got got = Receive(workspace_->room(), workspace_->room_size(), received);
  workspace_->end += received;
  return got;
}

TimePoint Connection::BodyDeadline() const {
  const auto in_all = std::chrono::milliseconds(1000 * phase_bytes_ / hub_.limits.slowest);
  return std::min(Clock::now(), phase_began_ + in_all) + hub_.limits.body_pause;
}

/// Leaves the body in whole_body_, or fault_.
Task<Connection::Body> Connection::ReadBody(Exchange& exchange) {
  const bool chunked = parsed_.framing == Framing::kChunked;
  const bool streamed = chunked || parsed_.coding != Coding::kIdentity;
  if (!chunked && parsed_.length == 0) co_return Body::kWhole;
  const bool here = !chunked && workspace_->held().size() >= parsed_.length;
  if (here && !streamed && parsed_.length <= kInlineBody) {
    whole_body_ = workspace_->held().substr(0, parsed_.length);
    workspace_->begin += parsed_.length;
    bytes_in_ += parsed_.length;
    co_return Body::kWhole;
  }
  phase_began_ = Clock::now();
  phase_bytes_ = 0;
  if (parsed_.expects_continue && !here) {
    const bool written = co_await WriteContinue();
    if (!written) co_return Body::kGone;
  }
  if (streamed) co_return co_await ReadStreamed();
  if (parsed_.length <= kInlineBody) co_return co_await ReadInline(parsed_.length);
  co_return co_await ReadPlaced(exchange, parsed_.length);
}

Task<Connection::Body> Connection::ReadInline(uint64_t length) {
  while (workspace_->held().size() < length) {
    const unsigned come = co_await Pause(*this, kReadable, BodyDeadline());
    if ((come & kReadable) == 0) {
      fault_ = kTooSlow;
      co_return Body::kFault;
    }
    if (Fill() == Got::kEnd) co_return Body::kGone;
    phase_bytes_ = workspace_->held().size();
  }
  whole_body_ = workspace_->held().substr(0, length);
  workspace_->begin += length;
  bytes_in_ += length;
  co_return Body::kWhole;
}

Task<Connection::Body> Connection::ReadPlaced(Exchange& exchange, uint64_t length) {
  std::span<char> place = exchange.Place(length);
  if (place.size() != length) {
    // Not touched before it is received: a client that only announces much costs no memory.
    memory_ = std::make_unique_for_overwrite<char[]>(length);
    place = {memory_.get(), length};
  }
  const std::string_view held = workspace_->held().substr(0, length);
  std::memcpy(place.data(), held.data(), held.size());
  workspace_->begin += held.size();
  bytes_in_ += held.size();
  size_t at = held.size();
  size_t turn = 0;
  while (at < length) {
    size_t received = 0;
    const Got got = Receive(place.data() + at, std::min(length - at, kTurnBytes), received);
    if (got == Got::kEnd) co_return Body::kGone;
    at += received;
    turn += received;
    bytes_in_ += received;
    phase_bytes_ = at;
    if (at == length) break;
    if (got == Got::kBytes && turn < kTurnBytes) continue;
    turn = 0;
    const unsigned come = co_await Pause(*this, kReadable, BodyDeadline());
    if ((come & kReadable) == 0) {
      fault_ = kTooSlow;
      co_return Body::kFault;
    }
  }
  whole_body_ = place;
  co_return Body::kWhole;
}

/// Chunked, compressed, or both: piece by piece through the workspace into body_.
Task<Connection::Body> Connection::ReadStreamed() {
  const bool chunked = parsed_.framing == Framing::kChunked;
  Workspace& space = *workspace_;
  const size_t front = space.begin;
  ChunkDecoder chunks;
  std::optional<Unpacker> unpacker;
  if (parsed_.coding != Coding::kIdentity) unpacker.emplace(parsed_.coding);
  uint64_t left = parsed_.length;
  body_.clear();
  while (chunked ? !chunks.ended() : left > 0) {
    std::string_view input = space.held();
    std::string_view piece;
    if (chunked) {
      const auto next = chunks.Next(input);
      if (!next) {
        fault_ = next.error();
        co_return Body::kFault;
      }
      piece = *next;
    } else {
      piece = input.substr(0, std::min<uint64_t>(left, input.size()));
      input.remove_prefix(piece.size());
      left -= piece.size();
    }
    const size_t taken = space.held().size() - input.size();
    space.begin += taken;
    bytes_in_ += taken;
    phase_bytes_ += taken;
    if (unpacker) {
      const Body unpacked = co_await Unpack(*unpacker, piece);
      if (unpacked != Body::kWhole) co_return unpacked;
    } else {
      if (piece.size() > hub_.limits.body - body_.size()) {
        fault_ = kTooLarge;
        co_return Body::kFault;
      }
      body_.append(piece);
    }
    if (!space.held().empty()) continue;
    if (chunked ? chunks.ended() : left == 0) break;
    space.begin = space.end = front;
    const unsigned come = co_await Pause(*this, kReadable, BodyDeadline());
    if ((come & kReadable) == 0) {
      fault_ = kTooSlow;
      co_return Body::kFault;
    }
    if (Fill() == Got::kEnd) co_return Body::kGone;
  }
  if (unpacker && !unpacker->ended() && phase_bytes_ > 0) {
    fault_ = Fault{400, "the compressed body is cut off"};
    co_return Body::kFault;
  }
  whole_body_ = body_;
  co_return Body::kWhole;
}

Task<Connection::Body> Connection::Unpack(Unpacker& unpacker, std::string_view packed) {
  while (!packed.empty() || unpacker.more()) {
    const size_t before = body_.size();
    // One byte over the limit tells that there is more.
    const size_t room = hub_.limits.body - body_.size() + 1;
    fault_ = unpacker.Feed(packed, body_, std::min(room, kTurnBytes));
    if (!fault_ && body_.size() > hub_.limits.body) fault_ = kTooLarge;
    if (fault_) co_return Body::kFault;
    if (body_.size() - before == kTurnBytes) co_await NextTurn();
  }
  co_return Body::kWhole;
}

/// A body that nobody wanted, behind an answer that was given on the head. False: the connection is
/// of no more use.
Task<bool> Connection::SkipBody(uint64_t length) {
  Workspace& space = *workspace_;
  phase_began_ = Clock::now();
  phase_bytes_ = 0;
  while (true) {
    const size_t skipped = std::min<uint64_t>(length, space.held().size());
    space.begin += skipped;
    length -= skipped;
    phase_bytes_ += skipped;
    if (length == 0) co_return true;
    space.begin = space.end = 0;
    const unsigned come = co_await Pause(*this, kReadable, BodyDeadline());
    if ((come & kReadable) == 0 || Fill() == Got::kEnd) co_return false;
  }
}

/// Says that nothing more will come, then drops what the client sends until it ends.
Task<bool> Connection::Linger() {
  ::shutdown(socket_.native_handle(), SHUT_WR);
  Workspace& space = *workspace_;
  const auto pause = hub_.draining ? std::min(hub_.limits.linger, std::chrono::milliseconds(1000))
                                   : hub_.limits.linger;
  const TimePoint end = Clock::now() + 6 * pause;
  lingering_ = true;
  while (true) {
    space.begin = space.end = 0;
    const unsigned come = co_await Pause(*this, kReadable, std::min(end, Clock::now() + pause));
    if ((come & kReadable) == 0 || Fill() == Got::kEnd || Clock::now() > end) co_return false;
  }
}

}  // namespace berth::serving::http
