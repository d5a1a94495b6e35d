// The user's code: bring it into code/, tell what it is, install it, say how it is run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "process/supervisor.h"

namespace berth::usercode {

/// Where the code comes from and goes.
struct Source {
  /// sagemaker_submit_directory: a directory, a .tar.gz, a single file, or s3://…; empty: the code
  /// is in `code_directory` already (or the image's own).
  std::string submit_directory;
  /// "train.py", "sub/train.py", "run.sh"; for a package the name of its module.
  std::string entry_point;
  /// contract::Layout::code
  std::filesystem::path code_directory;
};

/// Puts the code into `code_directory`. Where that holds files already and is not the submit
/// directory itself, what is there stays, and the log says so (as the reference, which is silent).
[[nodiscard]] Result<void> Fetch(const Source& source);

enum class EntryPointKind { kPythonPackage, kPythonScript, kProgram };

/// Looks into `code_directory`. A missing entry point is an error that lists the files found there.
[[nodiscard]] Result<EntryPointKind> Classify(const Source& source);

/// What must run before the entry point: pip installs of a package or of requirements.txt, at
/// most a few commands, in order; empty where there is nothing to install.
/// `python` is the interpreter's path.
std::vector<process::Command> InstallCommands(const Source& source, EntryPointKind kind,
                                              const std::string& python,
                                              const process::Variables& variables);

/// How the entry point is run, in `code_directory`. A program is made executable first by
/// PrepareEntryPoint().
process::Command EntryPointCommand(const Source& source, EntryPointKind kind,
                                   const std::string& python,
                                   const std::vector<std::string>& arguments,
                                   const process::Variables& variables);

/// chmod +x for a program; nothing for the other kinds.
[[nodiscard]] Result<void> PrepareEntryPoint(const Source& source, EntryPointKind kind);

/// `python3`, else `python`, on the PATH of `variables`.
[[nodiscard]] Result<std::string> FindPython(const process::Variables& variables);

}  // namespace berth::usercode
