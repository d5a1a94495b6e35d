#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cli/command.h"
#include "core/json.h"
#include "core/text.h"
#include "core/wtf8.h"
#include "training/job.h"

namespace berth::cli {
namespace {

constexpr char kFooter[] =
    R"help(Reads the job's configuration like `berth train`, and neither installs nor runs anything.

  shell   export lines, safe for `eval "$(berth env)"`
  json    {"variables":{...},"arguments":[...],"command":[...]}; bytes that are not UTF-8
          are written as Python's surrogateescape does (\udc80 to \udcff)

Values are printed as they are, secrets too: this is for programs to read.

Exit codes: 0 success; 1 a configuration that cannot be read; 2 wrong usage.

Examples:
  berth env
  berth env --format json | python3 -m json.tool
  SAGEMAKER_BASE_DIR=/tmp/ml berth env)help";

bool IsShellName(std::string_view name) {
  const auto allowed = [](char c) {
    return c == '_' || std::isalnum(static_cast<unsigned char>(c));
  };
  return !name.empty() && !std::isdigit(static_cast<unsigned char>(name.front())) &&
         std::all_of(name.begin(), name.end(), allowed);
}

json::Array ToJson(const std::vector<std::string>& words) {
  json::Array array;
  for (const std::string& word : words) array.emplace_back(DecodeFromSystem(word));
  return array;
}

int PrintEnvironment(const Context& context, bool as_json) {
  const auto plan = training::MakePlan(context.variables);
  if (!plan) {
    fmt::print(stderr, "berth env: {}\n", plan.error().message());
    return kFailure;
  }
  if (as_json) {
    json::Object variables;
    for (const auto& [name, value] : plan->variables) {
      variables.Set(DecodeFromSystem(name), DecodeFromSystem(value));
    }
    json::Object all;
    all.Set("variables", std::move(variables));
    all.Set("arguments", ToJson(plan->arguments));
    all.Set("command", ToJson(plan->command));
    fmt::print("{}\n", json::DumpPython(all));
    return kSuccess;
  }
  for (const auto& [name, value] : plan->variables) {
    if (IsShellName(name)) {
      fmt::print("export {}={}\n", name, ShellQuoted(value));
    } else {
      fmt::print("# not a name for a shell: {}\n", ShellQuoted(ToValidUtf8(name)));
    }
  }
  return kSuccess;
}

}  // namespace

void AddEnv(CLI::App& parent, const Context& context, Action& action) {
  CLI::App* command =
      parent.add_subcommand("env", "Print the variables, arguments and command of this job");
  command->footer(kFooter);
  auto format = std::make_shared<std::string>("shell");
  command->add_option("--format", *format, "shell or json")
      ->check(CLI::IsMember({"shell", "json"}))
      ->capture_default_str();
  command->callback([&context, &action, format] {
    action = [&context, format] { return PrintEnvironment(context, *format == "json"); };
  });
}

}  // namespace berth::cli
