// How a connection writes its answers.
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "serving/http/connection.h"

namespace berth::serving::http {
namespace {

// After so much in a row the other connections have a turn.
constexpr size_t kTurnBytes = size_t{1} << 20;

/// Drops `written` bytes from the front of the parts; how many parts are left is returned.
size_t Advance(iovec*& parts, size_t count, size_t written) {
  while (count > 0 && written >= parts->iov_len) {
    written -= parts->iov_len;
    ++parts;
    --count;
  }
  if (count > 0) {
    parts->iov_base = static_cast<char*>(parts->iov_base) + written;
    parts->iov_len -= written;
  }
  return count;
}

iovec Part(std::string_view bytes) {
  return {.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
}

bool WouldBlock() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

/// sendmsg() through interruptions.
ssize_t Send(int socket, iovec* parts, size_t count, int flags) {
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = count;
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(socket, &message, flags | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

}  // namespace

TimePoint Connection::WriteDeadline() const {
  const auto in_all = std::chrono::milliseconds(1000 * phase_bytes_ / hub_.limits.slowest);
  return std::min(Clock::now(), phase_began_ + in_all) + hub_.limits.write_pause;
}

/// The close that tells the client that its answer is not whole.
void Connection::Reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/// Clears `keep` where the answer says that the connection ends. False: it could not be written.
Task<bool> Connection::WriteAnswer(Response& response, bool& keep) {
  if (response.status < 200 || response.status > 599) {
    response = ErrorResponse(500, Reason(500), "the answer's status is not between 200 and 599");
  }
  if (response.close || hub_.draining) keep = false;
  AfterAnswer after = AfterAnswer::kKeepSilently;
  if (!keep) {
    after = AfterAnswer::kClose;
  } else if (parsed_.http_1_0) {
    after = AfterAnswer::kKeep;
  }
  std::string& head = workspace_->answer_head;
  head.clear();
  const bool to_head = parsed_.head.method == "HEAD";
  AppendHead(head, response, AnswerLength(response, to_head), hub_.date.At(std::time(nullptr)),
             after);

  std::array<iovec, 2> parts = {Part(head), iovec{}};
  size_t count = 1;
  const FileBytes* file = nullptr;
  if (!to_head && !HasNoBody(response.status) && BodySize(response) > 0) {
    if (const auto* text = std::get_if<std::string>(&response.body)) {
      parts[count++] = Part(*text);
    } else if (const auto* pinned = std::get_if<PinnedBytes>(&response.body)) {
      parts[count++] = Part({pinned->bytes.data(), pinned->bytes.size()});
    } else {
      file = &std::get<FileBytes>(response.body);
    }
  }
  size_t whole = parts[0].iov_len + parts[1].iov_len;
  phase_bytes_ = 0;
  const ssize_t sent =
      Send(socket_.native_handle(), parts.data(), count, file != nullptr ? MSG_MORE : 0);
  if (sent < 0 && !WouldBlock()) co_return false;
  if (sent > 0) bytes_out_ += static_cast<size_t>(sent);
  if (static_cast<size_t>(std::max<ssize_t>(sent, 0)) < whole) {
    phase_began_ = Clock::now();
    iovec* rest = parts.data();
    count = Advance(rest, count, static_cast<size_t>(std::max<ssize_t>(sent, 0)));
    const bool written = co_await WriteRest(rest, count);
    if (!written) co_return false;
  }
  if (file == nullptr) co_return true;
  co_return co_await WriteFile(file->file.get(), file->size);
}

Task<bool> Connection::WriteContinue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  iovec part = Part(kContinue);
  const bool written = co_await WriteRest(&part, 1);
  phase_began_ = Clock::now();
  phase_bytes_ = 0;
  co_return written;
}

Task<bool> Connection::WriteRest(iovec* parts, size_t count) {
  size_t turn = 0;
  while (count > 0) {
    const ssize_t sent = Send(socket_.native_handle(), parts, count, 0);
    if (sent < 0) {
      if (!WouldBlock()) co_return false;
      turn = kTurnBytes;
    } else {
      const auto written = static_cast<size_t>(sent);
      bytes_out_ += written;
      phase_bytes_ += written;
      turn += written;
      count = Advance(parts, count, written);
    }
    if (count == 0 || turn < kTurnBytes) continue;
    turn = 0;
    const unsigned come = co_await Pause(*this, kWritable, WriteDeadline());
    if ((come & kWritable) == 0) {
      Reset();
      co_return false;
    }
  }
  co_return true;
}

Task<bool> Connection::WriteFile(int file, uint64_t size) {
  off_t at = 0;
  phase_began_ = Clock::now();
  phase_bytes_ = 0;
  while (static_cast<uint64_t>(at) < size) {
    const size_t piece = std::min<uint64_t>(size - static_cast<uint64_t>(at), kTurnBytes);
    const ssize_t sent = ::sendfile(socket_.native_handle(), file, &at, piece);
    if (sent < 0 && errno == EINTR) continue;
    // A file that is shorter than it was said to be: the client must not take it for whole.
    if (sent == 0 || (sent < 0 && !WouldBlock())) {
      Reset();
      co_return false;
    }
    if (sent > 0) {
      bytes_out_ += static_cast<size_t>(sent);
      phase_bytes_ += static_cast<size_t>(sent);
      if (static_cast<uint64_t>(at) == size) break;
    }
    const unsigned come = co_await Pause(*this, kWritable, WriteDeadline());
    if ((come & kWritable) == 0) {
      Reset();
      co_return false;
    }
  }
  co_return true;
}

}  // namespace berth::serving::http
