// `berth local ...`: SageMaker on this machine.
#include "cli/local.h"

#include <filesystem>

namespace berth::cli {

void AddRepeated(CLI::App& command, const char* name, std::vector<std::string>& values,
                 const char* type, const char* help) {
  command.add_option(name, values, help)
      ->type_name(type)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

Result<std::string> WorkingDirectory() {
  std::error_code gone;
  std::string directory = std::filesystem::current_path(gone).string();
  if (!gone) return directory;
  return Fail("the working directory is gone (" + gone.message() + "); change to one that exists");
}

void AddLocal(CLI::App& parent, const Context& context, Action& action) {
  CLI::App* command = parent.add_subcommand("local", "SageMaker on this machine");
  command->require_subcommand(0, 1);
  command->footer(R"(Examples:
  berth local train --source src --entry-point train.py --name first
  berth local serve --model berth-jobs/first/model.tar.gz
  berth local invoke request.json)");
  AddLocalTrain(*command, context, action);
  AddLocalServe(*command, context, action);
  AddLocalInvoke(*command, context, action);
}

}  // namespace berth::cli
