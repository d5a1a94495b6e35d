// Steps of a job for a program that brings its own main function: `berth entry-point`.
//
// A framework container's Python (python/compat) decides what is to be done; fetching, installing,
// launching and supervising is done here, as `berth train` does it. Nothing is reported under
// output/: that is the program's own business.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/json.h"
#include "process/supervisor.h"
#include "usercode/usercode.h"

namespace berth::training {

/// One JSON object; docs/framework-containers.md has its members.
struct EntryPointRequest {
  enum class Only {
    /// Fetch where there is a `uri`, install where `install`, run.
    kEverything,
    /// Fetch the code of `uri`.
    kFetch,
    /// Install what is in the code directory.
    kInstall,
    /// The one object `uri` of S3 to the file `destination`.
    kDownload,
    /// What comes into output/intermediate to `uri`, until stdin ends.
    kSync,
  };
  Only only = Only::kEverything;

  /// Where the code is; empty: in the code directory already.
  std::string uri;
  std::string destination;
  /// Empty: the job's code/.
  std::string code_directory;
  std::string user_entry_point;
  /// Run as it is, in the code directory, in place of an entry point.
  std::vector<std::string> command;
  std::vector<std::string> arguments;
  /// Over those of this process.
  process::Variables variables;
  /// The launcher: "process", "mpi", "torch_distributed", "smddp", "pytorch_xla". Nothing: the
  /// request is no part of a job, and no file of a job is read. Required to run an entry point.
  std::optional<std::string> runner;
  /// Hyperparameters of the launcher that go before the job's ("sagemaker_mpi_num_processes").
  json::Object extra;
  bool install = false;
  /// Only warnings and errors of ours go to stderr, which somebody reads who expects the script's.
  bool quiet = false;
  /// What kInstall installs, where there is no entry point to tell.
  usercode::EntryPointKind kind = usercode::EntryPointKind::kPythonPackage;
  /// The interpreter; empty: the first on PATH.
  std::string python;
};

/// The error says which member is wrong, what was expected and what was found.
[[nodiscard]] Result<EntryPointRequest> ParseEntryPointRequest(std::string_view text);

/// Does what is asked, with the variables of this process. Returns the exit code for it: the
/// script's own, 1 where it could not be started.
///
/// Where `result` is a descriptor (else -1), one line of JSON is written to it at the end:
/// {"type": null or the name of an error as in output/failure, "code", "message", "command" (one
/// line, quoted for a shell), "error_tail"}, without secrets. kSync writes one when it has begun.
int RunEntryPoint(const EntryPointRequest& request, const process::Variables& variables,
                  int result);

/// What RunEntryPoint() writes for a request that could not be read.
std::string ResultOfBadRequest(const Error& error);

}  // namespace berth::training
