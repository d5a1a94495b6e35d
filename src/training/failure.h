// What a failed job tells the user: the text of output/failure.
//
// The platform shows the first 1,024 characters as FailureReason, so the most telling line comes
// first. Shape: section 2, "Reporting", of docs/contract.md.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/secrets.h"
#include "process/supervisor.h"

namespace berth::training {

/// At most this much is written to output/failure.
inline constexpr size_t kFailureLimit = 16 * 1024;

/// The end of a job that failed, before it is text.
struct Failure {
  /// The error's name, as the reference calls it: "ExecuteUserScriptError", "InstallModuleError",
  /// "InstallRequirementsError", "ClientError". Empty where the message is the whole report.
  std::string type;
  int exit_code = 1;
  /// The most telling line first; may have more lines.
  std::string message;
  /// What was run; empty where nothing was.
  std::vector<std::string> command;
};

/// "<type>:\nExitCode <n>\nErrorMessage \"<message>\"\nCommand \"<command>\"", without the last
/// line where there is no command, and just the message where there is no type; valid UTF-8, at
/// most kFailureLimit bytes, secrets masked. The command comes last; a long message is what is cut.
std::string FailureText(const Failure& failure, const Secrets& secrets);

/// What the last output of a failed command says about why: of a Python traceback its exception
/// (all lines of it) and then the traceback; else the last lines. `tail` may begin in the middle
/// of a line; the colours of terminals are taken out. Empty where the output is.
std::string MostTelling(std::string_view tail);

/// Whether a traceback is all but the last that the log has: nothing but some lines follow it.
bool EndsInTraceback(std::string_view tail);

/// The code with which a rank called MPI_Abort(), where MPICH's line about it is among the last of
/// its stderr: "Abort(5) on node 3 (rank 3 in comm 0): application called MPI_Abort(…".
std::optional<int> MpiAbortCode(std::string_view tail);

/// MostTelling() of the streams of `outcome`, led by what only the supervisor knows: out of
/// memory, killed by a signal, stopped on request, could not be started.
std::string FailureMessage(const process::Outcome& outcome);

}  // namespace berth::training
