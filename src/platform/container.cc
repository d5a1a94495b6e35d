#include "platform/container.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <utility>

#include "core/log.h"
#include "platform/keeper.h"
#include "platform/run_in_child.h"

namespace berth::platform {
namespace {

struct Packet {
  char kind;
  std::string text;
};

/// Nothing where the keeper is gone.
std::optional<Packet> Receive(int socket) {
  std::array<char, kMaxPacket> bytes;
  ssize_t n = 0;
  do {
    n = ::recv(socket, bytes.data(), bytes.size(), 0);
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return std::nullopt;
  return Packet{bytes[0], std::string(bytes.data() + 1, static_cast<size_t>(n) - 1)};
}

void Wait(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

/// A network settles for all its hosts whether they are in a user namespace, and needs namespaces.
std::vector<Try> TriesFor(const ContainerSpec& spec) {
  std::vector<Try> tries = Tries();
  if (spec.network == nullptr) return tries;
  std::erase_if(tries, [&](const Try& attempt) {
    return !attempt.mount_namespace || attempt.user_namespace != spec.network->has_user_namespace();
  });
  return tries;
}

ContainerEnd EndOfStatus(const std::string& text) {
  int status = 0;
  std::from_chars(text.data(), text.data() + text.size(), status);
  ContainerEnd end;
  if (WIFSIGNALED(status)) {
    end.signal = WTERMSIG(status);
  } else {
    end.exit_code = WEXITSTATUS(status);
  }
  return end;
}

ContainerEnd EndOfStart(const std::string& text) {
  ContainerEnd end{.exit_code = 126, .start_error = text};
  const auto [rest, bad] = std::from_chars(text.data(), text.data() + text.size(), end.exit_code);
  if (bad == std::errc())
    end.start_error = text.substr(static_cast<size_t>(rest - text.data()) + 1);
  return end;
}

}  // namespace

Result<Container> Container::Start(const ContainerSpec& spec) {
  Descriptor program;
  if (!spec.program.empty()) {
    program = Descriptor(::open(spec.program.c_str(), O_PATH | O_CLOEXEC));
    if (!program) return FailErrno("cannot find the program \"" + spec.program + "\"");
  }
  std::string obstacle;
  for (const Try& attempt : TriesFor(spec)) {
    BERTH_ASSIGN(Pipe pipe, MakePipe());
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
      return FailErrno("cannot make a socket");
    }
    Descriptor ours(ends[0]);
    Descriptor theirs(ends[1]);
    const pid_t keeper = ::fork();
    if (keeper < 0) return FailErrno("cannot start a process");
    if (keeper == 0) {
      ours.Close();
      pipe.read.Close();
      Keep(spec, attempt, std::move(theirs), std::move(pipe.write), program);
      ::_exit(0);
    }
    theirs.Close();
    pipe.write.Close();
    // A peek: that the job could not be executed is its end, read by ReadEnd().
    char kind = kSetupFailed;
    while (::recv(ours.get(), &kind, 1, MSG_PEEK) < 0 && errno == EINTR) {
    }
    if (kind != kSetupFailed) {
      if (kind == kRunning) Receive(ours.get());
      Container container;
      container.isolation_ = attempt.pid_namespace     ? Isolation::kFull
                             : attempt.mount_namespace ? Isolation::kMounts
                                                       : Isolation::kNone;
      if (container.isolation_ != Isolation::kFull) container.obstacle_ = obstacle;
      container.tree_ = spec.tree;
      container.output_ = std::move(pipe.read);
      container.socket_ = std::move(ours);
      container.keeper_ = keeper;
      return container;
    }
    const std::optional<Packet> why = Receive(ours.get());
    Wait(keeper);
    if (obstacle.empty() && why) obstacle = why->text;
    if (!attempt.mount_namespace) {
      return Fail(why ? why->text : "the process that keeps the job was killed");
    }
  }
  return Fail("cannot start the job: " + obstacle);
}

Result<void> Container::TryFuse(const std::filesystem::path& folder) {
  std::optional<Error> obstacle;
  for (const Try& attempt : Tries()) {
    if (!attempt.mount_namespace) continue;
    const auto tried = RunInChild([&] { return TryFuseMount(attempt, folder); });
    if (tried) return {};
    if (!obstacle) obstacle = tried.error();
  }
  return Fail(*std::move(obstacle));
}

Container::Container(Container&& other) noexcept
    : isolation_(other.isolation_),
      obstacle_(std::move(other.obstacle_)),
      tree_(std::move(other.tree_)),
      output_(std::move(other.output_)),
      socket_(std::move(other.socket_)),
      keeper_(std::exchange(other.keeper_, -1)) {}

Container::~Container() {
  if (keeper_ < 0) return;
  socket_.Close();
  output_.Close();
  Wait(keeper_);
}

void Container::SayIsolation(std::string_view what, std::string_view links) const {
  if (isolation_ == Isolation::kMounts) {
    log::Info("local", "the {} has no process namespace of its own ({})", what, obstacle_);
  }
  if (isolation_ == Isolation::kNone) {
    log::Warning("local",
                 "namespaces are not allowed here ({}): the {} runs with SAGEMAKER_BASE_DIR={} "
                 "instead of a private /opt/ml, and its {} are links that it can write through",
                 obstacle_, what, tree_.string(), links);
  }
}

void Container::Stop() {
  ::send(socket_.get(), &kStopJob, 1, MSG_NOSIGNAL);
}

void Container::Kill() {
  ::send(socket_.get(), &kKillJob, 1, MSG_NOSIGNAL);
}

std::optional<ContainerEnd> Container::ReadEnd() {
  const std::optional<Packet> packet = Receive(socket_.get());
  if (!packet) {
    return ContainerEnd{.signal = SIGKILL,
                        .start_error = "the process that keeps the job was killed"};
  }
  if (packet->kind == kEnded) return EndOfStatus(packet->text);
  if (packet->kind == kStartFailed) return EndOfStart(packet->text);
  return std::nullopt;
}

}  // namespace berth::platform
