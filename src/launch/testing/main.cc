// For tests: one host's launcher, asked over standard input and output, a JSON object a line.
//
//   in   {"hyperparameters", "resource_config", "variables", "command", "python", "berth",
//         "run_directory", "host_name", "root", "gpus", "neurons", "smddprun", "smddpmprun"}
//   out  {"name", "hosts", "restarts", "facts"} or {"error"}
//   in   the facts of the other hosts, by host; again for every further plan
//   out  {"command", "directory", "variables", "work", "several", "rank_socket", "ready_file",
//         "ranks": {"command", "directory", "variables", "kept", "overlay"}} or {"error"}
//
// "variables" are those that differ from the input's. Lives until its input ends, and with it the
// port that it keeps for sshd.
#include <iostream>
#include <string>
#include <vector>

#include "core/json.h"
#include "launch/launcher.h"

namespace berth::launch {
namespace {

json::Object ParseLine(const std::string& line) {
  auto value = json::Parse(line);
  json::Object* object = value ? value->AsObject() : nullptr;
  if (object == nullptr) {
    std::cerr << "no JSON object: " << line << "\n";
    std::exit(2);
  }
  return std::move(*object);
}

std::string Text(const json::Object& object, std::string_view name) {
  const json::Value* value = object.Find(name);
  const std::string* text = value == nullptr ? nullptr : value->AsString();
  return text == nullptr ? std::string() : *text;
}

int Number(const json::Object& object, std::string_view name) {
  const json::Value* value = object.Find(name);
  return value == nullptr ? 0 : std::stoi(json::Dump(*value));
}

bool True(const json::Object& object, std::string_view name) {
  const json::Value* value = object.Find(name);
  return value != nullptr && value->AsBool() != nullptr && *value->AsBool();
}

json::Array Words(const std::vector<std::string>& words) {
  return {words.begin(), words.end()};
}

json::Object Changed(const process::Variables& variables, const process::Variables& before) {
  json::Object changed;
  for (const auto& [name, value] : variables) {
    const auto found = before.find(name);
    if (found == before.end() || found->second != value) changed.Set(name, value);
  }
  return changed;
}

void Print(json::Object object) {
  std::cout << json::Dump(std::move(object)) << '\n' << std::flush;
}

Result<Surroundings> Read(const json::Object& input) {
  process::Variables variables;
  if (const json::Value* given = input.Find("variables"); given != nullptr) {
    for (const auto& [name, value] : *given->AsObject()) variables[name] = *value.AsString();
  }
  const auto layout = contract::Layout::Under(contract::kDefaultBase);
  Surroundings surroundings;
  BERTH_ASSIGN(surroundings.environment,
               contract::ReadTrainingEnvironment(
                   {.layout = layout,
                    .hyperparameters = {layout.hyperparameters_file,
                                        json::Dump(*input.Find("hyperparameters"))},
                    .input_data_config = {layout.input_data_config_file, "{}"},
                    .resource_config = {layout.resource_config_file,
                                        json::Dump(*input.Find("resource_config"))},
                    .variables = variables,
                    .cpus = 1,
                    .gpus = Number(input, "gpus"),
                    .neurons = Number(input, "neurons"),
                    .smddprun_installed = True(input, "smddprun"),
                    .smddpmprun_installed = True(input, "smddpmprun")}));
  for (const json::Value& word : *input.Find("command")->AsArray()) {
    surroundings.command.argv.push_back(*word.AsString());
  }
  surroundings.command.variables = std::move(variables);
  surroundings.command.directory = Text(input, "directory");
  surroundings.python = Text(input, "python");
  surroundings.berth = Text(input, "berth");
  surroundings.run_directory = Text(input, "run_directory");
  surroundings.host_name = Text(input, "host_name");
  surroundings.root = Text(input, "root");
  return surroundings;
}

json::Object PlanAsJson(const Plan& plan, const process::Variables& before) {
  constexpr const char* kWork[] = {"command", "ranks", "master"};
  json::Object object{{"command", Words(plan.command.argv)},
                      {"directory", plan.command.directory},
                      {"variables", Changed(plan.command.variables, before)},
                      {"work", kWork[static_cast<int>(plan.work)]},
                      {"several", plan.several},
                      {"rank_socket", plan.rank_socket},
                      {"ready_file", plan.ready_file}};
  if (plan.ranks) {
    object.Set("ranks", json::Object{{"command", Words(plan.ranks->argv)},
                                     {"directory", plan.ranks->directory},
                                     {"variables", Changed(plan.ranks->variables, before)},
                                     {"kept", Words(plan.ranks->kept)},
                                     {"overlay", plan.ranks->overlay}});
  }
  return object;
}

int Run() {
  std::string line;
  if (!std::getline(std::cin, line)) return 2;
  auto surroundings = Read(ParseLine(line));
  if (!surroundings) {
    Print({{"error", surroundings.error().message()}});
    return 0;
  }
  const process::Variables before = surroundings->command.variables;
  auto launcher = ChooseLauncher(*std::move(surroundings));
  auto facts = launcher ? (*launcher)->Prepare() : Fail(launcher.error());
  if (!facts) {
    Print({{"error", facts.error().message()}});
    return 0;
  }
  Print({{"name", (*launcher)->name()},
         {"hosts", Words((*launcher)->hosts())},
         {"restarts", (*launcher)->restarts()},
         {"facts", *std::move(facts)}});
  while (std::getline(std::cin, line)) {
    Facts others;
    for (const auto& [host, fact] : ParseLine(line)) others[host] = *fact.AsObject();
    const auto plan = (*launcher)->MakePlan(others);
    Print(plan ? PlanAsJson(*plan, before) : json::Object{{"error", plan.error().message()}});
  }
  return 0;
}

}  // namespace
}  // namespace berth::launch

int main() {
  return berth::launch::Run();
}
