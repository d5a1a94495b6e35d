// The commands of `berth local`, each in a file of its own.
#pragma once

#include "cli/command.h"

namespace berth::cli {

/// As in command.h; `parent` is `berth local`.
void AddLocalTrain(CLI::App& parent, const Context& context, Action& action);
void AddLocalServe(CLI::App& parent, const Context& context, Action& action);
void AddLocalInvoke(CLI::App& parent, const Context& context, Action& action);

/// An option with one value for each time it is given: the value may begin with '-' or '['.
void AddRepeated(CLI::App& command, const char* name, std::vector<std::string>& values,
                 const char* type, const char* help);

/// The error says that the working directory is gone.
[[nodiscard]] Result<std::string> WorkingDirectory();

}  // namespace berth::cli
