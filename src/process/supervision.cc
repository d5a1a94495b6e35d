#include "process/supervision.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "process/find_program.h"
#include "process/spawn.h"
#include "process/start_error.h"

namespace berth::process {
namespace {

/// A process in an uninterruptible wait (a driver, a dead network file system) outlives SIGKILL.
/// After so long we report without it.
constexpr std::chrono::seconds kUnkillable{10};

OutputPump::Observer ForStream(const SuperviseOptions& options, Stream stream) {
  if (!options.observer) return {};
  return [&options, stream](std::string_view bytes) { options.observer(stream, bytes); };
}

}  // namespace

Supervision::Supervision(const Command& command, const SuperviseOptions& options)
    : command_(command),
      options_(options),
      signals_(options.child_mask),
      out_of_memory_before_(out_of_memory_.Read()) {}

Result<Outcome> Supervision::Run() {
  if (!signals_.descriptor()) return FailErrno("cannot make a signal descriptor");
  BERTH_TRY(Start());
  while (pid_ > 0) {
    Pump();
    if (Finished()) break;
    Wait();
    TakeSignals();
    CheckTimers();
  }
  Conclude();
  return std::move(outcome_);
}

Result<void> Supervision::Start() {
  ChildStreams streams;
  Descriptor null, output, error;
  if (!options_.inherit_input) {
    null = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null) return FailErrno("cannot open \"/dev/null\"");
    streams.input = null.get();
  }
  if (options_.pass_output) {
    // Above 2, as Spawn() takes them.
    output = Descriptor(::fcntl(options_.output_fd, F_DUPFD_CLOEXEC, 3));
    error = Descriptor(::fcntl(options_.error_fd, F_DUPFD_CLOEXEC, 3));
    if (!output || !error) return FailErrno("cannot pass on the output");
  } else {
    BERTH_TRY(MakePumps(&output, &error));
  }
  streams.error = error.get();
  streams.output = output ? output.get() : error.get();

  started_ = Clock::now();
  if (options_.deadline) deadline_ = started_ + *options_.deadline;

  const std::vector<std::string> paths = ProgramPaths(command_.argv.front(), command_.variables);
  BERTH_ASSIGN(Spawned spawned, Spawn(paths, command_.argv, command_, streams, signals_));
  if (spawned.failure.error == ENOEXEC && IsShellScript(command_, paths[spawned.failure.path])) {
    // A script without "#!". A path that began with '-' would read as an option.
    const std::string& script = paths[spawned.failure.path];
    std::vector<std::string> argv = {"/bin/sh", script.starts_with('-') ? "./" + script : script};
    argv.insert(argv.end(), command_.argv.begin() + 1, command_.argv.end());
    BERTH_ASSIGN(spawned, Spawn({argv.front()}, argv, command_, streams, signals_));
  }
  pid_ = spawned.pid;
  if (pid_ < 0) {
    const StartError why = ExplainStartFailure(command_, paths, spawned.failure);
    outcome_.exit_code = why.exit_code;
    outcome_.start_error = why.message;
  } else if (options_.on_started) {
    options_.on_started(pid_);
  }
  return {};
}

Result<void> Supervision::MakePumps(Descriptor* output, Descriptor* error) {
  BERTH_ASSIGN(Pipe error_pipe, MakeOutputPipe());
  error_.emplace(std::move(error_pipe.read), options_.error_fd, options_.tail_bytes,
                 ForStream(options_, Stream::kError));
  *error = std::move(error_pipe.write);
  if (SameFile(options_.output_fd, options_.error_fd)) return {};
  BERTH_ASSIGN(Pipe output_pipe, MakeOutputPipe());
  output_.emplace(std::move(output_pipe.read), options_.output_fd, options_.tail_bytes,
                  ForStream(options_, Stream::kOutput));
  *output = std::move(output_pipe.write);
  return {};
}

void Supervision::Pump() {
  if (output_) output_->Advance();
  if (error_) error_->Advance();
}

void Supervision::Wait() {
  std::array<pollfd, 4> events{};  // poll() skips a descriptor of -1
  events[0] = {signals_.descriptor().get(), POLLIN, 0};
  const auto watch = [](const OutputPump& pump) {
    return pump.blocked() ? pollfd{pump.sink_fd(), POLLOUT, 0}
                          : pollfd{pump.source_fd(), POLLIN, 0};
  };
  events[1] = output_ ? watch(*output_) : pollfd{-1, 0, 0};
  events[2] = error_ ? watch(*error_) : pollfd{-1, 0, 0};
  events[3] = {options_.beside != nullptr ? options_.beside->descriptor() : -1, POLLIN, 0};

  int timeout = -1;
  if (const Time next = NextTimer()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count();
    timeout = static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
  }
  ::poll(events.data(), events.size(), timeout);
  if (events[3].revents != 0) {
    options_.beside->RunReady();
    AskBeside();
  }
}

void Supervision::AskBeside() {
  if (!options_.stop_asked) return;
  const std::optional<StopOrder> order = options_.stop_asked();
  if (!order) return;
  Stop(StoppedBy::kCaller, order->signal, order->grace);
  const auto latest = Clock::now() + order->grace;
  if (kill_at_ && latest < *kill_at_) kill_at_ = latest;
}

void Supervision::TakeSignals() {
  std::array<signalfd_siginfo, 8> taken{};
  for (;;) {
    const ssize_t n = ::read(signals_.descriptor().get(), taken.data(), sizeof taken);
    if (n <= 0) return;
    for (size_t i = 0; i < static_cast<size_t>(n) / sizeof taken[0]; ++i) {
      const int signal = static_cast<int>(taken.at(i).ssi_signo);
      if (signal == SIGCHLD) {
        Reap();
      } else if (IsStopSignal(signal)) {
        if (options_.on_stop_signal) {
          options_.on_stop_signal(signal);
          AskBeside();
        } else {
          Stop(StoppedBy::kSignal, signal, options_.grace);
        }
      } else if (signal == SIGTSTP && !ended_) {
        terminal_.Suspend(pid_);
      } else {
        ForwardToGroup(signal);
      }
    }
  }
}

void Supervision::Reap() {
  int status = 0;
  for (;;) {
    const pid_t pid = ::waitpid(-1, &status, WNOHANG | WUNTRACED);
    if (pid <= 0) break;
    if (pid != pid_) continue;
    if (WIFSTOPPED(status)) {
      terminal_.CommandStopped(pid_, WSTOPSIG(status));
    } else {
      CommandEnded(status);
    }
  }
  if (!ended_ || KeepsOrphans()) return;
  left_ = descendants_.Any();
  if (left_ && killed_) descendants_.Signal(SIGKILL);  // some were born since
}

void Supervision::CommandEnded(int status) {
  ended_ = true;
  const auto now = Clock::now();
  outcome_.elapsed = now - started_;
  if (WIFSIGNALED(status)) {
    outcome_.signal = WTERMSIG(status);
  } else {
    outcome_.exit_code = WEXITSTATUS(status);
  }
  // Killed by somebody else, or saying that a part of it was.
  if ((outcome_.signal == SIGKILL && !killed_) || outcome_.exit_code == 128 + SIGKILL) {
    outcome_.out_of_memory = out_of_memory_.Read() > out_of_memory_before_;
  }
  if (options_.on_ended) options_.on_ended(outcome_);
  deadline_.reset();
  // Asked to stop, we owe our caller an end: a reader that stands still gets no longer than this.
  if (outcome_.stopped_by != StoppedBy::kNobody) {
    output_until_ = std::max(kill_at_.value_or(now), now + options_.orphan_grace);
  }
  kill_at_.reset();
  if (KeepsOrphans()) return;
  left_ = descendants_.Any();
  if (!left_ || killed_) return;
  descendants_.Signal(SIGTERM);
  descendants_.Signal(SIGCONT);
  kill_at_ = now + options_.orphan_grace;
}

void Supervision::Stop(StoppedBy by, int signal, std::chrono::milliseconds grace) {
  if (outcome_.stopped_by == StoppedBy::kNobody) {
    outcome_.stopped_by = by;
    outcome_.stop_signal = signal;
    outcome_.stopped_after = Clock::now() - started_;
    if (ended_) {
      output_until_ = Clock::now() + grace;
    } else {
      kill_at_ = Clock::now() + grace;
    }
  }
  // Once more is only passed on once more: what makes a person press Ctrl-C twice is for the
  // command to interpret, and the platform's grace is not shortened by it.
  ForwardToGroup(signal);
  ForwardToGroup(SIGCONT);
}

void Supervision::ForwardToGroup(int signal) const {
  // Once reaped, the number may name another group.
  if (!ended_) ::kill(-pid_, signal);
}

void Supervision::KillAll() {
  killed_ = true;
  kill_at_.reset();
  give_up_at_ = Clock::now() + kUnkillable;
  if (!ended_) outcome_.killed_after_grace = true;
  ForwardToGroup(SIGKILL);
  descendants_.Signal(SIGKILL);
}

void Supervision::CheckTimers() {
  const auto now = Clock::now();
  if (deadline_ && now >= *deadline_) {
    deadline_.reset();
    Stop(StoppedBy::kDeadline, SIGTERM, options_.grace);
  }
  if (kill_at_ && Clock::now() >= *kill_at_) KillAll();
}

bool Supervision::Finished() const {
  if (give_up_at_ && Clock::now() >= *give_up_at_) return true;
  if (!ended_ || left_) return false;
  if (output_until_ && Clock::now() >= *output_until_) return true;
  // Nobody of the family can write any more: an empty pipe stays empty, even where a stranger
  // holds its other end.
  const auto settled = [](const OutputPump& pump) { return !pump.blocked() && pump.idle(); };
  return (!error_ || settled(*error_)) && (!output_ || settled(*output_));
}

Supervision::Time Supervision::NextTimer() const {
  Time next;
  for (const Time& timer : {deadline_, kill_at_, give_up_at_, ended_ ? output_until_ : Time()}) {
    if (timer && (!next || *timer < *next)) next = timer;
  }
  return next;
}

void Supervision::Conclude() {
  if (pid_ > 0 && !ended_) {  // not even SIGKILL ended it
    outcome_.signal = SIGKILL;
    outcome_.elapsed = Clock::now() - started_;
  }
  for (auto* pump : {&output_, &error_}) {
    if (!*pump) continue;
    if (pid_ > 0) (*pump)->Abandon();  // nothing is left in it, unless its reader stands still
    outcome_.output_lost |= (*pump)->lost();
    (pump == &output_ ? outcome_.output_tail : outcome_.error_tail) = (*pump)->TailText();
  }
}

}  // namespace berth::process
