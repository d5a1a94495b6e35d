#include "ranks/run_rank.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>
#include <vector>

#include "core/descriptor.h"
#include "core/event_loop.h"
#include "core/files.h"
#include "core/text.h"
#include "ranks/error_file.h"
#include "ranks/message.h"
#include "ranks/rank_host.h"
#include "ranks/rank_variables.h"
#include "ranks/socket.h"

namespace berth::ranks {
namespace {

constexpr int kUsage = 2;
constexpr int kCannot = 125;

/// How long the host's berth may take to tell us what to run.
constexpr std::chrono::seconds kAnswerDeadline{60};
/// From SIGTERM to SIGKILL for a rank whose host's berth or launcher has gone.
constexpr std::chrono::milliseconds kForsakenGrace{2'000};
/// The kernel sends it when the thread that started us ends. Nobody else uses it: the supervisor
/// does not forward it, and our child has it unblocked.
constexpr int kParentSignal = SIGURG;

/// Told by the host's berth.
struct Orders {
  RankProgram program;
  Descriptor output;
  Descriptor error;
};

Result<std::string> Content(const Descriptor& file) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return FailErrno("cannot read what to run");
  if (status.st_size < 0 || static_cast<size_t>(status.st_size) > kLargestProgram) {
    return Fail("cannot read what to run: it is too large");
  }
  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n =
        ::pread(file.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return FailErrno("cannot read what to run");
    done += static_cast<size_t>(n);
  }
  return bytes;
}

Result<Orders> GetOrders(int socket, const Hello& hello) {
  const timeval deadline{.tv_sec = kAnswerDeadline.count(), .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  if (!SendPacket(socket, Encode(hello))) return FailErrno("it takes no message");
  std::vector<char> buffer(kLongestMessage);
  auto received = ReceivePacket(socket, buffer);
  if (!received && received.error().system_error() == EAGAIN) {
    return Fail(fmt::format("it has not answered for {} s", kAnswerDeadline.count()));
  }
  BERTH_ASSIGN(Packet answer, std::move(received));
  if (answer.bytes.empty()) return Fail("it has gone");
  BERTH_TRY(CheckAnswer(answer.bytes));
  if (answer.descriptors.size() != 3) return Fail("it answered without the descriptors");
  BERTH_ASSIGN(const std::string bytes, Content(answer.descriptors[0]));
  BERTH_ASSIGN(RankProgram program, ParseProgram(bytes));
  return Orders{std::move(program), std::move(answer.descriptors[1]),
                std::move(answer.descriptors[2])};
}

/// What the kernel calls a process.
std::string NameOf(pid_t pid) {
  const auto name = ReadFile(fmt::format("/proc/{}/comm", pid));
  return name && !Trim(*name).empty() ? std::string(Trim(*name)) : "its launcher";
}

/// Notices when the rank has nobody left to work for.
class Attachment {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Attachment>> Make(EventLoop& loop, int socket) {
    std::unique_ptr<Attachment> made(new Attachment);
    Attachment* const self = made.get();
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, kParentSignal);
    ::pthread_sigmask(SIG_BLOCK, &signals, &made->mask_before_);
    made->signals_ = Descriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!made->signals_) return FailErrno("cannot make a signal descriptor");
    ::prctl(PR_SET_PDEATHSIG, kParentSignal);
    BERTH_TRY(
        loop.Watch(made->signals_.get(), EPOLLIN, [self](uint32_t) { self->ParentSignal(); }));
    BERTH_TRY(loop.Watch(socket, EPOLLIN, [self, socket, &loop](uint32_t) {
      char byte = 0;
      // The host has nothing to say any more.
      if (::recv(socket, &byte, 1, MSG_DONTWAIT) > 0) return;
      loop.Forget(socket);
      self->forsaken_ = true;
    }));
    return made;
  }

  /// Once, when it is over.
  std::optional<process::StopOrder> Order() {
    if (!std::exchange(forsaken_, false)) return std::nullopt;
    return process::StopOrder{.signal = SIGTERM, .grace = kForsakenGrace};
  }

  const sigset_t& mask_before() const { return mask_before_; }

  /// The name of the process that had started us, once it has gone.
  const std::string& forsaken_by() const { return forsaken_by_; }

 private:
  Attachment() = default;

  void ParentSignal() {
    signalfd_siginfo taken{};
    while (::read(signals_.get(), &taken, sizeof taken) > 0) {
    }
    // The thread that started us may have ended and its process not: Open MPI starts ranks from
    // threads. The kernel then sends the signal again when the next one ends.
    if (::getppid() == parent_) return;
    forsaken_ = true;
    forsaken_by_ = parent_name_;
  }

  const pid_t parent_ = ::getppid();
  const std::string parent_name_ = NameOf(parent_);
  std::string forsaken_by_;
  sigset_t mask_before_{};
  Descriptor signals_;
  bool forsaken_ = false;
};

Ended EndOf(const process::Outcome& outcome, const process::Variables& variables,
            const Attachment& attachment) {
  Ended ended;
  ended.exit_code = outcome.exit_code;
  ended.signal = outcome.signal;
  ended.out_of_memory = outcome.out_of_memory;
  ended.start_error = outcome.start_error;
  if (outcome.stopped_by == process::StoppedBy::kCaller) {
    ended.forsaken_by = attachment.forsaken_by();
  }
  const auto file = variables.find("TORCHELASTIC_ERROR_FILE");
  if (!outcome.ok() && file != variables.end()) ended.reported = ReadErrorFile(file->second);
  return ended;
}

/// Ends this process as the rank ended.
int EndAlike(const process::Outcome& outcome) {
  if (outcome.signal == 0) return outcome.exit_code;
  const rlimit no_core{1, 1};  // as in stacks.cc
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::signal(outcome.signal, SIG_DFL);
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, outcome.signal);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  ::raise(outcome.signal);
  return outcome.code();
}

Result<process::Outcome> Run(int socket, Orders orders, const process::Variables& variables) {
  BERTH_ASSIGN(const auto loop, EventLoop::Make());
  BERTH_ASSIGN(const auto attachment, Attachment::Make(*loop, socket));

  process::Command command;
  command.argv = std::move(orders.program.argv);
  command.directory = std::move(orders.program.directory);
  command.variables = ProgramVariables(variables, orders.program);

  process::SuperviseOptions options;
  options.pass_output = true;
  options.output_fd = orders.output.get();
  options.error_fd = orders.error.get();
  options.keep_orphans = true;
  options.child_mask = attachment->mask_before();
  options.beside = loop.get();
  options.stop_asked = [&] { return attachment->Order(); };
  options.on_started = [&](pid_t pid) {
    SendPacket(socket, Encode(Started{pid}));
    // The rank alone holds them now: what it leaves unread ends with it.
    orders.output.Close();
    orders.error.Close();
  };
  // Where the host has gone nobody needs to know.
  const auto tell = [&](const process::Outcome& outcome) {
    SendPacket(socket, Encode(EndOf(outcome, command.variables, *attachment)));
  };
  options.on_ended = tell;
  BERTH_ASSIGN(process::Outcome outcome, process::Supervise(command, options));
  if (!outcome.start_error.empty()) tell(outcome);
  pollfd closed{socket, POLLIN, 0};
  ::poll(&closed, 1, static_cast<int>(kLongestHold.count()));
  return outcome;
}

}  // namespace

int RunRank(const process::Variables& variables) {
  const auto hello = RankOf(variables);
  if (!hello) {
    fmt::print(stderr, "berth rank: {}\n", hello.error().message());
    return kUsage;
  }
  const auto cannot = [&](const std::string& why) {
    fmt::print(stderr, "berth rank: rank {} cannot run: {}\n", hello->rank, why);
    return kCannot;
  };
  const auto name = variables.find(kSocketVariable);
  if (name == variables.end()) {
    return cannot(
        fmt::format("{} is not set: the launcher that started it was not started by "
                    "`berth train`, or did not pass the variable on",
                    kSocketVariable));
  }
  const auto socket = ConnectTo(name->second);
  if (!socket) return cannot(socket.error().message() + ": is the job's `berth train` gone?");
  if (!PeerOfOurUser(socket->get())) {
    return cannot(fmt::format("the socket \"@{}\" belongs to another user", name->second));
  }
  auto orders = GetOrders(socket->get(), *hello);
  if (!orders) {
    return cannot(orders.error().Within("the `berth train` of this host").message());
  }
  const auto outcome = Run(socket->get(), *std::move(orders), variables);
  if (!outcome) return cannot(outcome.error().message());
  return EndAlike(*outcome);
}

}  // namespace berth::ranks
