// Which launcher runs the job's processes (the script alone, Open MPI, torchrun …), and what it
// runs on this host.
//
// How a job uses it, on every host alike:
//
//   1. ChooseLauncher(): decides, and checks all that can be checked, before anything is started.
//   2. hosts(): who takes part. One host: no link to others is needed, facts are empty in step 4.
//   3. Prepare(): makes what this host needs (keys) and says its facts. Workers send theirs to the
//      master; when the master has all, it sends its own to each of them with the start.
//   4. MakePlan(facts): on the master with the facts of all others, elsewhere with the master's.
//      May be called again, for a restart in place.
//   5. A host whose plan says Work::kMaster starts its command at once, and tells the master when
//      `ready_file` is there; the master (Work::kCommand) starts its command when all others have
//      said so. Other hosts start theirs at once.
//   6. Plan::work says when the host's work is done. When all hosts' work is, commands that still
//      run (kRanks, kMaster) are ended, and how those then end does not count.
//
// Source of the rules: section 3 of docs/contract.md; every setting: docs/distributed.md.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "contract/training_environment.h"
#include "core/error.h"
#include "core/json.h"
#include "process/supervisor.h"
#include "ranks/rank_program.h"

namespace berth::launch {

/// What a launcher is chosen and planned from. Kept by the launcher.
struct Surroundings {
  contract::TrainingEnvironment environment;
  /// The user's entry point as it would run alone; its variables are the script's.
  process::Command command;
  /// The interpreter in command.argv[0]; empty where the entry point is no Python.
  std::string python;
  /// Our own binary, absolute: what mpirun and torchrun start on every host, as `berth rank`.
  std::string berth;
  /// A directory of this job's and this host's own (mode 0700, there until the job has ended).
  std::string run_directory;
  /// This machine's host name (process::Machine), which may not be environment.current_host.
  std::string host_name;
  /// Where /sys and /etc are looked for: "" but in tests.
  std::string root;
};

/// What this host runs.
struct Plan {
  /// To be run under process::Supervise().
  process::Command command;

  enum class Work {
    /// The command is the work: it is done when the command has ended, as its exit code says.
    kCommand,
    /// The command serves (a parameter server), the work is the one rank that it starts at once:
    /// done when that rank has ended. If the command ends before the job does, it has failed.
    kRanks,
    /// The command serves the master (sshd under MPI): done when the master's work is. If it ends
    /// before, it has failed. Ranks run here as well.
    kMaster,
  };
  Work work = Work::kCommand;

  /// For RankHost: set where the processes of the job are `berth rank`. Empty where the command is
  /// the script itself, or (XLA) starts processes in its own way.
  std::optional<ranks::RankProgram> ranks;
  /// The name RankHost must listen on: abstract, random; set where `ranks` is. Under MPI it is the
  /// same on all hosts (the launcher's environment is the master's).
  std::string rank_socket;
  /// More than one rank in the whole job (or it cannot be known): lines get `[rank, host]`.
  bool several = false;
  /// The command serves once this file is there; removed by MakePlan(). Empty: at once.
  std::string ready_file;
};

/// A host's facts, by host.
using Facts = std::map<std::string, json::Object>;

class Launcher {
 public:
  virtual ~Launcher() = default;

  /// "mpi", "torchrun" …: for messages.
  virtual std::string_view name() const = 0;

  /// The hosts that take part, the master first; only the current one where it runs alone.
  const std::vector<std::string>& hosts() const { return hosts_; }
  const std::string& master() const { return hosts_.front(); }

  /// Once, before the hosts meet. Small: the facts of all hosts are in memory at once.
  [[nodiscard]] virtual Result<json::Object> Prepare() { return json::Object(); }

  /// Fails where another host's facts are not usable; the error names the host.
  [[nodiscard]] virtual Result<Plan> MakePlan(const Facts& facts) = 0;

  /// How often the launcher starts failed ranks again by itself (torchrun's --max_restarts): a
  /// rank's failure is then not yet the job's, only the command's is.
  virtual int restarts() const { return 0; }

 protected:
  explicit Launcher(std::vector<std::string> hosts) : hosts_(std::move(hosts)) {}

 private:
  std::vector<std::string> hosts_;
};

/// Decides by the switches among the hyperparameters and by the instance groups, checks settings
/// and programs, and logs what it decided and why: one line each for the launcher, the MPI it found
/// and the network. The error is one message with the remedy.
[[nodiscard]] Result<std::unique_ptr<Launcher>> ChooseLauncher(Surroundings surroundings);

/// The hosts that take part in the job's distribution, the master first, where this host does and
/// they are several; else none. For a job that fails before its launcher is chosen.
std::vector<std::string> DistributedHosts(const contract::TrainingEnvironment& environment);

}  // namespace berth::launch
