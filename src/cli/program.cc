// The program as a whole: its names, its help, its errors of usage.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "cli/command.h"
#include "core/text.h"

namespace berth::cli {
namespace {

constexpr char kFooter[] = R"(Examples:
  train                                    what a SageMaker training container runs
  berth env                                the variables and arguments a script would get
  berth run -- python3 train.py            any command, with those variables, supervised
  berth local train --source examples/digits --entry-point train.py \
      --channel train=data/train           a whole training job on this machine
  berth local serve --model model.tar.gz   the model as an endpoint; berth local invoke asks it

Exit codes: 0 success; 2 wrong usage; else as `berth COMMAND --help` says.)";

/// The command at the end of what was parsed: `berth local train` -> train.
const CLI::App& Deepest(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : Deepest(*parsed.back());
}

/// SageMaker starts an image as `train` or `serve`: the same binary under that name. An image
/// whose entry point is `train` already gets the word once more, as an argument.
std::vector<std::string> WithCommandName(std::vector<std::string> arguments) {
  if (arguments.empty()) return arguments;
  const std::string name = std::filesystem::path(arguments.front()).filename();
  arguments.erase(arguments.begin());
  if ((name == "train" || name == "serve") && (arguments.empty() || arguments.front() != name)) {
    arguments.insert(arguments.begin(), name);
  }
  return arguments;
}

/// "berth local" for the command `train` in it; empty for the program itself.
std::string ParentsOf(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  if (parent == nullptr) return {};
  const std::string parents = ParentsOf(*parent);
  return parents.empty() ? parent->get_name() : parents + " " + parent->get_name();
}

std::string Help(const CLI::App& program) {
  const CLI::App& app = Deepest(program);
  return app.help(ParentsOf(app));
}

int UsageError(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App& app = Deepest(program);
  const std::string parents = ParentsOf(app);
  const std::string command = parents.empty() ? app.get_name() : parents + " " + app.get_name();
  const std::vector<std::string> unexpected = app.remaining(true);
  std::string message;
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !unexpected.empty()) {
    const bool wants_command = !app.get_subcommands([](const CLI::App*) { return true; }).empty();
    const bool is_option = unexpected.front().starts_with('-');
    message = fmt::format("unknown {} \"{}\"{}",
                          is_option       ? "option"
                          : wants_command ? "command"
                                          : "argument",
                          unexpected.front(), Suggestion(app, unexpected.front()));
  } else {
    message = error.what();
    if (!message.empty()) message[0] = static_cast<char>(std::tolower(message[0]));
  }
  fmt::print(stderr, "{}: {}\nTry `{} --help`.\n", command, message, command);
  return kUsage;
}

}  // namespace

void AddParent(CLI::App& command, pid_t& parent) {
  command
      .add_option("--parent", parent,
                  "End, as by SIGTERM, with the process of this number, which has started this one")
      ->check(CLI::Range(1, 1 << 22))  // as many as Linux has
      ->type_name("PID");
}

std::string Suggestion(const CLI::App& app, const std::string& unexpected) {
  std::vector<std::string> candidates;
  if (unexpected.starts_with('-')) {
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) candidates.push_back("--" + name);
    }
  } else {
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
      candidates.push_back(command->get_name());
    }
  }
  const auto nearest = Nearest(unexpected.substr(0, unexpected.find('=')), candidates);
  return nearest ? fmt::format("; did you mean \"{}\"?", *nearest) : std::string();
}

int Main(const std::vector<std::string>& arguments, process::Variables variables) {
  std::vector<std::string> parsed = WithCommandName(arguments);
  if (!parsed.empty() && parsed.front() == "help") {
    parsed.erase(parsed.begin());
    parsed.emplace_back("--help");
  }
  const auto dashes = std::ranges::find(parsed, "--");
  Context context{.variables = std::move(variables), .after_dashes = {}};
  if (dashes != parsed.end()) context.after_dashes.assign(dashes + 1, parsed.end());
  parsed.erase(dashes, parsed.end());
  Action action;

  CLI::App program("Run training scripts and models on the SageMaker container contract.", "berth");
  program.require_subcommand(0, 1);
  program.footer(kFooter);
  program.get_formatter()->column_width(32);
  bool version = false;
  program.add_flag("--version", version, "Print the version and exit");
  AddTrain(program, context, action);
  AddServe(program, context, action);
  AddEnv(program, context, action);
  AddRun(program, context, action);
  AddLocal(program, context, action);
  AddVersion(program, context, action);
  AddCompletion(program, context, action);
  AddEntryPoint(program, context, action);
  AddRank(program, context, action);

  std::ranges::reverse(parsed);  // as the parser wants them
  try {
    program.parse(std::move(parsed));
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", Help(program));
    return kSuccess;
  } catch (const CLI::ParseError& error) {
    return UsageError(program, error);
  }
  if (version) {
    program.get_subcommand("version")->parse(std::vector<std::string>{});
  }
  if (!context.after_dashes.empty() && !program.got_subcommand("run") &&
      !program.got_subcommand("serve")) {
    fmt::print(stderr, "berth: only `berth run` and `berth serve` take a command behind \"--\"\n");
    return kUsage;
  }
  if (!action) {
    fmt::print(stderr, "{}", Help(program));
    return kUsage;
  }
  return action();
}

}  // namespace berth::cli
