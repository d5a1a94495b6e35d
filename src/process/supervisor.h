// Runs one command as a container's init does: starts it, passes its output through, forwards
// signals to it, ends it when asked, reaps everything it left, and says how it ended.
//
// Correct as PID 1 and not (there it makes itself the reaper of its descendants). Knows no
// SageMaker. One thread: Supervise() blocks the signals it forwards, waits in one loop, and puts
// back masks, dispositions and the reaper setting before it returns. The child starts with the
// signal mask and dispositions that our caller had, in a process group of its own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/event_loop.h"

namespace berth::process {

/// Environment variables, sorted by name.
using Variables = std::map<std::string, std::string>;

/// The variables of this process.
Variables CurrentVariables();

struct Outcome;

/// What to run. Nothing here ever passes through a shell: `argv` reaches execve() byte for byte.
struct Command {
  /// argv[0] is looked up in the PATH of `variables` unless it contains a '/'. A name with a '/'
  /// is relative to `directory`. A file that execve() refuses with ENOEXEC (a script without
  /// "#!") is run by /bin/sh, as the shell and Python's os.execvp do.
  std::vector<std::string> argv;
  Variables variables;
  /// Working directory; the caller's where it is empty.
  std::string directory;
};

enum class Stream { kOutput, kError };

/// The platform kills a container 120 s after its SIGTERM; by then we want to have reported.
inline constexpr std::chrono::milliseconds kDefaultGrace{100'000};

/// What whoever works beside a command asks of it.
struct StopOrder {
  int signal = SIGTERM;
  /// From now to SIGKILL for the whole group. A later order can only shorten what is left.
  std::chrono::milliseconds grace = kDefaultGrace;
};

struct SuperviseOptions {
  /// From the first SIGTERM, SIGINT, SIGQUIT or SIGHUP to SIGKILL for the whole group.
  std::chrono::milliseconds grace = kDefaultGrace;
  /// After the command itself has ended: how long processes it left behind may live (they get
  /// SIGTERM at once, SIGKILL then), and how long we keep reading what they still write.
  std::chrono::milliseconds orphan_grace{2'000};
  /// Ends the command as SIGTERM would when it is over (Outcome::stopped_by = kDeadline).
  std::optional<std::chrono::milliseconds> deadline;
  /// How many of the last bytes of each stream are kept in the Outcome.
  size_t tail_bytes = 16 * 1024;
  /// Sees all bytes after they were passed on, as they come (not split in lines). Optional.
  std::function<void(Stream, std::string_view)> observer;
  /// Where the command's output goes; -1: nowhere. Never closed here, never made non-blocking.
  int output_fd = 1;
  int error_fd = 2;
  /// The command's standard input: ours, else /dev/null.
  bool inherit_input = true;
  /// The command writes to output_fd and error_fd itself: nothing is pumped, kept or seen here.
  bool pass_output = false;
  /// Told of the command's process, once it runs. Optional.
  std::function<void(pid_t)> on_started;
  /// Told how the command itself has ended, before what it left behind is dealt with: of the
  /// Outcome there are no tails yet. Optional; not called where it could not be started.
  std::function<void(const Outcome&)> on_ended;
  /// What a command left behind that ended by itself (StoppedBy::kNobody) lives on, and is not
  /// waited for.
  bool keep_orphans = false;
  /// Runs while the command does, in the same thread; null: nothing.
  EventLoop* beside = nullptr;
  /// Asked whenever `beside` ran: a value ends the command (Outcome::stopped_by = kCaller).
  std::function<std::optional<StopOrder>()> stop_asked;
  /// Takes the signals that end a command in its place: whoever sets it lets the command know, or
  /// ends it through `stop_asked`. Optional.
  std::function<void(int signal)> on_stop_signal;
  /// The signal mask of the command, where it is not the caller's (see HeldSignals).
  std::optional<sigset_t> child_mask;
};

enum class StoppedBy { kNobody, kSignal, kDeadline, kCaller };

/// How a command ended. Data, not an error: exit code 1 is a value of this.
struct Outcome {
  /// The exit status where it exited; 127: not found, 126: found but cannot be executed.
  int exit_code = 0;
  /// The signal that killed it, 0 where it exited.
  int signal = 0;
  /// The kernel's out-of-memory killer ended a process of the cgroup while it ran, and it died by
  /// SIGKILL that we did not send (or exited 137).
  bool out_of_memory = false;
  /// Whether we were asked to end it, and by whom; `stop_signal` is the first signal forwarded.
  StoppedBy stopped_by = StoppedBy::kNobody;
  int stop_signal = 0;
  /// From the start to that signal, or to the deadline.
  std::chrono::nanoseconds stopped_after{};
  /// The grace period ran out and we sent SIGKILL.
  bool killed_after_grace = false;
  /// Why it could not be started (exit_code 126 or 127): one sentence. Empty where it started.
  std::string start_error;
  /// Wall time from start to end.
  std::chrono::nanoseconds elapsed{};
  /// The last bytes of each stream. Where both streams are one file (as in `2>&1`, or one
  /// terminal), the child has one pipe for both so that their order is kept, and all of it is in
  /// `error_tail`.
  std::string output_tail;
  std::string error_tail;
  /// Some of the output could not be passed on: its reader went away, the disk is full, or the
  /// reader stood still until after the grace period. The tails hold it nevertheless.
  bool output_lost = false;

  bool ok() const { return exit_code == 0 && signal == 0; }
  /// The exit code a shell would report: exit_code, or 128 + signal.
  int code() const { return signal != 0 ? 128 + signal : exit_code; }
};

/// Runs `command` to its end. An Error means that our own surroundings failed before there was
/// a child (no pipe, no fork). Not reentrant: one call at a time in a process, no other threads
/// that fork or wait; other threads must have SIGCHLD blocked (see HeldSignals).
[[nodiscard]] Result<Outcome> Supervise(const Command& command, const SuperviseOptions& options);

/// Runs a short helper (`nvidia-smi`, `pip --version`) to its end, at most `deadline`, and returns
/// its outcome with up to `limit` bytes of stdout in output_tail; nothing is passed through. A
/// signal that ended it is sent to this process again: HeldSignals has it then.
[[nodiscard]] Result<Outcome> Capture(const Command& command, std::chrono::milliseconds deadline,
                                      size_t limit = size_t{1} << 20);

/// The program that argv[0] = `name` would run with this PATH, or an error that says where it was
/// looked for.
[[nodiscard]] Result<std::string> FindProgram(std::string_view name, const Variables& variables);

}  // namespace berth::process
