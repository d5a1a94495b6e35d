// The host's side of its ranks: tells each what to run, carries what they write into the log, line
// by line, and learns how each ended.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/event_loop.h"
#include "ranks/rank_program.h"

namespace berth::ranks {

/// The variable that names the host's socket to `berth rank` (RankHostOptions::socket_name). The
/// rank's own program does not get it.
inline constexpr const char* kSocketVariable = "BERTH_RANK_SOCKET";
/// Tells a `berth rank` its number where no launcher does. Its program does not get it either.
inline constexpr const char* kNumberVariable = "BERTH_RANK";

/// A longer line is passed on in pieces of this many bytes, each a line of its own.
inline constexpr size_t kLongestLine = size_t{256} << 10;
/// What the pipe of one stream of one rank may hold.
inline constexpr size_t kRankPipe = size_t{256} << 10;
/// So many ranks can be there at once; a further one is refused.
inline constexpr size_t kMostRanks = 4096;

/// How a rank ended.
struct RankEnd {
  int rank = 0;
  int local_rank = 0;
  /// The rank's own process, -1 where it never ran.
  pid_t pid = -1;
  /// The exit status where it exited; 127 and 126 where it could not be started.
  int exit_code = 0;
  /// The signal that killed it, 0 where it exited.
  int signal = 0;
  /// Its `berth rank` was killed, as some launchers do to end a rank, and it with that: by SIGKILL.
  bool wrapper_killed = false;
  /// As process::Outcome has it.
  bool out_of_memory = false;
  /// When the host learned of it: within milliseconds of it.
  EventLoop::Clock::time_point at;
  /// When it last wrote to its stderr; `at` where it never did.
  EventLoop::Clock::time_point last_error_output;
  /// The last bytes of each of its streams, without prefixes. Where stdout and stderr of the host
  /// are one file, all of it is in `error_tail`. Complete, unless its `berth rank` was killed.
  std::string output_tail;
  std::string error_tail;
  /// What a failed script reported by itself through TORCHELASTIC_ERROR_FILE: its traceback, else
  /// its message. Empty where there is none. At most 16 KiB.
  std::string reported;
  /// Why it could not be started: one sentence. Empty where it started.
  std::string start_error;
  /// The name of the launcher's process that had started the rank, where that had gone and the
  /// `berth rank` ended the rank for it. Empty otherwise.
  std::string forsaken_by;

  bool ok() const { return exit_code == 0 && signal == 0; }
};

struct RankHostOptions {
  /// Name of the socket in the abstract namespace, at most 100 bytes, new for each RankHost (pid
  /// and random bytes). Ranks get it in kSocketVariable.
  std::string socket_name;
  /// This host's name, for the prefix.
  std::string host;
  RankProgram program;
  /// There are several ranks in the job: "[3, algo-2] " stands before each line. Also where a rank
  /// knows it from its launcher. With one rank its bytes are passed on as they come, unchanged.
  bool several = false;
  /// Where the ranks' stdout and stderr go. Never closed here. Where both are one file, a rank has
  /// one pipe for both, and the order of its lines is kept.
  int output_fd = 1;
  int error_fd = 2;
  /// How much of each stream of each rank is kept.
  size_t tail_bytes = size_t{16} << 10;
};

/// All are called from the loop, and must not destroy the RankHost. Each may be empty.
struct RankHostEvents {
  /// The rank's process runs.
  std::function<void(int rank)> started;
  /// The rank wrote these bytes, to either stream; as they were read, cut anywhere.
  std::function<void(int rank, std::string_view bytes)> output;
  /// All it wrote until its end has been read by now (and passed on, where that is not blocked).
  /// Once for each rank that was told what to run, also if it never got to run it.
  std::function<void(const RankEnd&)> ended;
};

/// One RankHost serves one attempt at the job. In it a rank may end and come again (torchrun
/// restarts its ranks by itself); for berth's own restarts it is made anew, with another socket
/// name, so that a late rank of the former attempt reaches nobody.
///
/// A rank is whoever of our user connects to the socket and says its number: others are turned away
/// by their credentials. Lines of all ranks go out whole: each within one write(2), where it has no
/// more than PIPE_BUF bytes, and never with another line of a rank between its parts. A last line
/// without a newline is given one at the rank's end. Carriage returns stay as they are.
///
/// What a rank leaves behind may hold its pipes: they are read on for as long as this lives.
///
/// Bounds: while our own stdout or stderr takes nothing, ranks that write to it are not read: held
/// are then, of each stream, one unfinished line and what one read gave (64 KiB), and of a rank
/// that has ended what its pipes held (kRankPipe).
///
/// In the loop's thread. SIGPIPE must be blocked or ignored while the loop runs. Going away, it
/// ends the ranks: `berth rank` sends SIGTERM to its rank when its host has gone, SIGKILL 2 s
/// later.
class RankHost {
 public:
  [[nodiscard]] static Result<std::unique_ptr<RankHost>> Open(EventLoop& loop,
                                                              RankHostOptions options,
                                                              RankHostEvents events);
  RankHost(const RankHost&) = delete;
  RankHost& operator=(const RankHost&) = delete;
  ~RankHost();

  /// To the process group of every rank that runs.
  void Signal(int signal);

  /// Makes every process of the ranks' groups write the stacks of its threads to its stderr, and
  /// end: SIGABRT, which Python's faulthandler answers so (`berth rank` turns it on). No core is
  /// written. Stopped processes are woken for it. Launchers see no rank's end within a second from
  /// now: they would end the others before those have written theirs.
  void DumpStacks();

  /// Ranks that were told what to run and have not ended.
  size_t running() const;

  /// No rank runs, and all that was written up to now has been passed on. Somebody a rank left
  /// behind may hold its pipes all the same, and write again.
  bool idle() const;

  /// Our own stdout or stderr takes nothing, so that ranks may have to wait. Their silence then
  /// means nothing.
  bool blocked() const;

  /// Some output could not be passed on: its reader went away, the disk is full, or Abandon().
  bool output_lost() const;

  /// Stops passing on: what still waits goes into the tails only. For an end that stands still
  /// because its reader does.
  void Abandon();

 private:
  class Impl;
  explicit RankHost(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth::ranks
