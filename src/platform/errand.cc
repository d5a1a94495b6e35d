#include "platform/errand.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <thread>
#include <utility>

namespace berth::platform {
namespace {

// Between the two, one packet each: a letter, then text.
constexpr char kProgress = 'P';
constexpr char kReady = 'R';
constexpr char kDone = 'D';
constexpr char kFailed = 'X';
constexpr char kCancel = 'C';
constexpr char kFinish = 'F';
constexpr size_t kMaxPacket = size_t{32} << 10;

void Send(int socket, char kind, std::string_view text, int flags) {
  const std::string packet = kind + std::string(text.substr(0, kMaxPacket - 1));
  [[maybe_unused]] const ssize_t n =
      ::send(socket, packet.data(), packet.size(), MSG_NOSIGNAL | flags);
}

/// Passes our orders on. Our end without a word is one too.
void Listen(int socket, const storage::Cancellation& cancel, const storage::Cancellation& finish) {
  for (;;) {
    char order = kCancel;
    const ssize_t n = ::recv(socket, &order, 1, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n == 1 && order == kFinish) {
      finish.Cancel();
      continue;
    }
    cancel.Cancel();
    return;
  }
}

[[noreturn]] void Run(const Errand::Work& work, int socket, int kept, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  CloseAllBut({socket, kept});
  const auto end = [&](char kind, std::string_view text) {
    Send(socket, kind, text, 0);
    // What this process has open stays open until it is killed: the reader of a FIFO would take
    // its closing for the end of the data.
    for (;;) ::pause();
  };
  auto cancel = storage::Cancellation::Make();
  auto finish = storage::Cancellation::Make();
  if (!cancel) end(kFailed, cancel.error().message());
  if (!finish) end(kFailed, finish.error().message());
  try {
    std::thread(Listen, socket, std::cref(*cancel), std::cref(*finish)).detach();
    const auto done = work(Superior(socket, *cancel, *finish));
    end(done ? kDone : kFailed, done ? *done : done.error().message());
  } catch (const std::exception& error) {
    end(kFailed, error.what());
  }
  ::_exit(1);
}

}  // namespace

void Superior::Tell(std::string_view text) const {
  Send(socket_, kProgress, text, MSG_DONTWAIT);
}

void Superior::Ready(std::string_view text) const {
  Send(socket_, kReady, text, 0);
}

Result<Errand> Errand::Start(const Work& work, int kept) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return FailErrno("cannot make a socket");
  }
  Descriptor ours(ends[0]);
  Descriptor theirs(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno("cannot start a process");
  if (pid == 0) Run(work, theirs.get(), kept, parent);
  Errand errand;
  errand.socket_ = std::move(ours);
  errand.pid_ = pid;
  return errand;
}

Errand::Errand(Errand&& other) noexcept
    : socket_(std::move(other.socket_)), pid_(std::exchange(other.pid_, -1)) {}

Errand::~Errand() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Errand::News Errand::Read() {
  std::array<char, kMaxPacket> bytes;
  ssize_t n = 0;
  do {
    n = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return {News::Kind::kFailed, "the process that moves the data was killed"};
  News news{News::Kind::kProgress, std::string(bytes.data() + 1, static_cast<size_t>(n) - 1)};
  if (bytes[0] == kReady) news.kind = News::Kind::kReady;
  if (bytes[0] == kDone) news.kind = News::Kind::kDone;
  if (bytes[0] == kFailed) news.kind = News::Kind::kFailed;
  return news;
}

void Errand::Cancel() {
  Order(kCancel);
}
void Errand::Finish() {
  Order(kFinish);
}

void Errand::Order(char order) {
  ::send(socket_.get(), &order, 1, MSG_NOSIGNAL);
}

}  // namespace berth::platform
