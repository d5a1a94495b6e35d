// One worker: its process, its messages, its output.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/json.h"
#include "process/signals.h"
#include "process/supervisor.h"
#include "serving/readable.h"
#include "serving/transport/channel.h"
#include "serving/worker/lines.h"

namespace berth::serving::worker {

/// What all workers have in common.
struct WorkerSpec {
  /// The interpreter's path.
  std::string python;
  process::Variables variables;
  std::string directory;
  /// The code that runs in it: a descriptor of the archive (worker_zip.h).
  int archive = -1;
  int arena = -1;
  /// The first message, less what names one worker and its descriptors.
  json::Object config;
};

/// The number that a message has under that name; nothing where it has none that is one.
std::optional<uint32_t> NumberIn(const json::Object& message, std::string_view name);

/// Event loop's thread. Whoever reaps it (SIGCHLD) destroys it; where it lives then, it and all its
/// process group are killed.
class WorkerProcess {
 public:
  struct Events {
    std::function<void(const json::Object& message)> message;
    /// The channel's Finished() has something.
    std::function<void()> finished;
    /// A line of its stdout or stderr.
    Lines::Take output;
  };

  [[nodiscard]] static Result<std::unique_ptr<WorkerProcess>> Start(
      boost::asio::io_context& loop, const WorkerSpec& spec, int index,
      const process::Variables& own_variables, const process::SignalGuard& signals, Events events);
  /// Asks `from`, a template (pool_fork.cc), to fork one. It has no process until Begin(); where it
  /// goes before, its process ends by itself.
  [[nodiscard]] static Result<std::unique_ptr<WorkerProcess>> Fork(boost::asio::io_context& loop,
                                                                   int index, WorkerProcess& from,
                                                                   Events events);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  /// -1: it is being forked.
  pid_t pid() const { return pid_; }
  transport::Channel& channel() { return channel_; }

  /// The template has forked it. An error where that process is no child of ours, or is one no
  /// more: nobody will tell its end.
  [[nodiscard]] Result<void> Begin(pid_t pid, int index);

  /// Asks it to finish what it has claimed, to run its exit hooks and to end.
  void Stop();
  /// SIGKILL for it and its process group. Its end is told by SIGCHLD.
  void Kill();

  /// The file that holds a large answer of that slot, if it was sent.
  std::optional<Descriptor> TakeFile(uint32_t slot);

  /// While on, nothing of its output is read.
  void PauseOutput(bool on);

  /// After its end: what it still said and wrote.
  void ReadRest();

 private:
  /// The other side of what it makes.
  struct Ends {
    Descriptor control;
    Descriptor output;
  };

  WorkerProcess(boost::asio::io_context& loop, transport::Channel channel, Events events);
  Result<Ends> MakeEnds();
  void Listen();
  void ReadControl();
  [[nodiscard]] bool Send(const json::Object& message, const std::vector<int>& descriptors = {});

  boost::asio::io_context& loop_;
  transport::Channel channel_;
  Descriptor control_;
  Events events_;
  pid_t pid_ = -1;
  std::map<uint32_t, Descriptor> files_;
  std::optional<Lines> output_;
  std::optional<Readable> on_control_;
  std::optional<Readable> on_done_;
  std::optional<Readable> on_lines_;
};

}  // namespace berth::serving::worker
