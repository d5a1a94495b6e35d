#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "cli/command.h"
#include "training/job.h"

namespace berth::cli {
namespace {

constexpr char kFooter[] = R"(  berth run [OPTIONS] -- COMMAND [ARGUMENTS...]

Everything after `--` is the command, passed on byte for byte: no shell reads it. It runs in
its own process group; SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 reach all of
it, and SIGKILL follows a request to end after the grace period.

Exit codes: the command's own; 128+N where signal N killed it; 127 not found; 126 cannot be
executed; 125 the job's configuration cannot be read; 2 wrong usage.

Examples:
  berth run -- python3 train.py --epochs 3
  berth run --grace 10 -- ./train.sh)";

struct Options {
  double grace_seconds = std::chrono::duration<double>(process::kDefaultGrace).count();
};

int Run(const Context& context, const Options& options, const std::vector<std::string>& words) {
  const auto environment = training::ReadEnvironment(context.variables);
  if (!environment) {
    fmt::print(stderr, "berth run: {}\n", environment.error().message());
    return kRunFailure;
  }
  process::Command command;
  command.argv = words;
  command.variables = training::ScriptVariables(context.variables, *environment);
  process::SuperviseOptions supervise;
  supervise.grace = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::duration<double>(options.grace_seconds));
  const auto outcome = process::Supervise(command, supervise);
  if (!outcome) {
    fmt::print(stderr, "berth run: {}\n", outcome.error().message());
    return kRunFailure;
  }
  if (!outcome->start_error.empty()) {
    fmt::print(stderr, "berth run: {}\n", outcome->start_error);
  } else if (outcome->out_of_memory) {
    fmt::print(stderr, "berth run: the kernel killed {} for want of memory\n", words.front());
  }
  return outcome->code();
}

}  // namespace

void AddRun(CLI::App& parent, const Context& context, Action& action) {
  CLI::App* command = parent.add_subcommand(
      "run", "Run any command with the job's SM_* variables, under the supervisor");
  command->footer(kFooter);
  command->allow_extras();
  auto options = std::make_shared<Options>();
  command->add_option("--grace", options->grace_seconds, "Seconds from a request to end to SIGKILL")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  command->callback([&context, &action, command, options] {
    const std::vector<std::string> extras = command->remaining();
    if (!extras.empty() && extras.front().starts_with('-')) {
      throw CLI::ExtrasError(command->get_name(), extras);
    }
    if (context.after_dashes.empty() || !extras.empty()) {
      throw CLI::ValidationError("the command to run stands behind \"--\": berth run -- COMMAND",
                                 CLI::ExitCodes::RequiredError);
    }
    action = [&context, options] { return Run(context, *options, context.after_dashes); };
  });
}

}  // namespace berth::cli
