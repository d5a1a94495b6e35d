// The user's code: bring it into code/, tell what it is, install it, say how it is run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "process/supervisor.h"
#include "storage/cancellation.h"

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

/// What code in S3 needs; looked at only where there is some.
struct S3Access {
  /// storage::Settings::FromEnvironment(), storage::ExtractLimits::FromEnvironment(); the latter
  /// for archives of this machine too.
  process::Variables variables;
  /// Where `variables` name no region.
  std::string region;
  /// May be null: nobody can ask to stop.
  const storage::Cancellation* cancel = nullptr;
};

/// Puts the code into `code_directory`, which is made where it is missing.
///
/// From S3 an archive is extracted while it is downloaded, whatever its size, and counts only when
/// the last of it is verified; any other object is a single file of that name.
///
/// Where that holds something already, what is there stays, and the log says so (the reference
/// keeps it too, without a word). A directory is copied: links inside it stay links, links that
/// lead out of it become what they lead to, sockets and the like are left out with a warning.
/// After an error the code directory is as empty as before. ECANCELED after a cancellation.
[[nodiscard]] Result<void> Fetch(const Source& source, const S3Access& access = {});

enum class EntryPointKind { kPythonPackage, kPythonScript, kProgram };

/// Tells what the entry point is. Looks into `code_directory`, changes nothing.
///
/// In this order: a directory with setup.py is a package, unless the entry point ends in ".sh"; an
/// existing file that ends in ".py" is a script, any other one a program; a directory whose
/// pyproject.toml has a [project] or [build-system] table is a package too (others only configure
/// tools). An entry point that is missing, a folder, or not inside the code directory is an error;
/// a missing one's lists the files found there and the one that was probably meant.
[[nodiscard]] Result<EntryPointKind> Classify(const Source& source);

/// What must run before the entry point, in `code_directory`: pip installs of a package or, for a
/// script, of requirements.txt; empty where there is nothing to install. Where CA_REPOSITORY_ARN
/// names an AWS CodeArtifact repository, pip is pointed to it first by the `aws` program; an error
/// where there is none, or the ARN is not one. `python` is the interpreter's path.
[[nodiscard]] Result<std::vector<process::Command>> InstallCommands(
    const Source& source, EntryPointKind kind, const std::string& python,
    const process::Variables& variables);

/// How the entry point is run, in `code_directory`: `python NAME.py args`, `python -m MODULE args`
/// or `./NAME args`. A program is made executable first by PrepareEntryPoint().
process::Command EntryPointCommand(const Source& source, EntryPointKind kind,
                                   const std::string& python,
                                   const std::vector<std::string>& arguments,
                                   const process::Variables& variables);

/// chmod +x for a program that is not executable; nothing for the other kinds.
[[nodiscard]] Result<void> PrepareEntryPoint(const Source& source, EntryPointKind kind);

/// `python3`, else `python`, on the PATH of `variables`.
[[nodiscard]] Result<std::string> FindPython(const process::Variables& variables);

}  // namespace berth::usercode
