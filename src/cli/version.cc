#include "cli/version.h"

#include <fmt/format.h>

#include "cli/command.h"

namespace berth::cli {

void AddVersion(CLI::App& parent, const Context&, Action& action) {
  CLI::App* command = parent.add_subcommand("version", "Print the version");
  command->footer("Examples:\n  berth version");
  command->callback([&action] {
    action = [] {
      fmt::print("berth {}\n", kVersion);
      return kSuccess;
    };
  });
}

}  // namespace berth::cli
