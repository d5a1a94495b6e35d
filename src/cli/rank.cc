#include "cli/command.h"
#include "ranks/run_rank.h"

namespace berth::cli {
namespace {

constexpr char kFooter[] =
    R"(mpirun and torchrun start it for each rank of a distributed job. It asks the `berth train` of its
host what to run, and tells it how that ended.

Exit codes: the rank's own; 127 not found; 126 cannot be executed; 125 the host's `berth train`
cannot be reached; 2 not started by a launcher.

Examples:
  mpirun -np 8 berth rank                  inside of a job, by `berth train`)";

}  // namespace

void AddRank(CLI::App& parent, const Context& context, Action& action) {
  CLI::App* command =
      parent.add_subcommand("rank", "Internal: what a launcher starts for each rank of a job");
  command->footer(kFooter);
  command->callback(
      [&context, &action] { action = [&context] { return ranks::RunRank(context.variables); }; });
}

}  // namespace berth::cli
