// The commands of the program. Each has a file of its own and registers itself on the parser.
#pragma once

#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "process/supervisor.h"

namespace berth::cli {

/// Exit codes that are berth's own; a script's exit code passes through beside them.
inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsage = 2;
/// `berth run` could not do its own part (docker's 125: never a command's own code by habit).
inline constexpr int kRunFailure = 125;

/// What main() read of the process, for every command.
struct Context {
  process::Variables variables;
  /// What stood behind "--" on the command line, byte for byte: the parser never sees it.
  std::vector<std::string> after_dashes;
};

/// What the command found on the command line does; returns the exit code.
using Action = std::function<int()>;

/// Each adds one command to `parent` and, when that command is parsed, sets `action`. `context`
/// and `action` outlive the parsing.
void AddTrain(CLI::App& parent, const Context& context, Action& action);
void AddServe(CLI::App& parent, const Context& context, Action& action);
void AddEnv(CLI::App& parent, const Context& context, Action& action);
void AddRun(CLI::App& parent, const Context& context, Action& action);
void AddRank(CLI::App& parent, const Context& context, Action& action);
void AddEntryPoint(CLI::App& parent, const Context& context, Action& action);
void AddLocal(CLI::App& parent, const Context& context, Action& action);
void AddVersion(CLI::App& parent, const Context& context, Action& action);
void AddCompletion(CLI::App& parent, const Context& context, Action& action);

/// The whole program: `arguments` are argv as main() got it. Prints help, version and errors of
/// usage; returns the exit code.
int Main(const std::vector<std::string>& arguments, process::Variables variables);

/// The option --parent of a command that other programs start.
void AddParent(CLI::App& command, pid_t& parent);

/// "did you mean "--metric"?" for what the parser did not expect, or nothing.
std::string Suggestion(const CLI::App& app, const std::string& unexpected);

}  // namespace berth::cli
