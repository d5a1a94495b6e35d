#include <fmt/format.h>

#include "cli/command.h"

namespace berth::cli {

void AddServe(CLI::App& parent, const Context&, Action& action) {
  CLI::App* command =
      parent.add_subcommand("serve", "Serve a model (not part of this version; see CHANGELOG.md)");
  command->footer("Exit codes: 1, always, in this version.");
  command->callback([&action] {
    action = [] {
      fmt::print(stderr,
                 "berth serve: this version of berth trains and does not serve yet; keep the "
                 "image's own serve program until it does\n");
      return kFailure;
    };
  });
}

}  // namespace berth::cli
