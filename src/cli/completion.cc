// Shell completion, written from the parser itself so that it cannot fall behind it.
#include <fmt/format.h>

#include "cli/command.h"

namespace berth::cli {
namespace {

constexpr char kFooter[] = R"(Examples:
  source <(berth completion bash)                          this shell
  berth completion bash > /etc/bash_completion.d/berth     every shell
  berth completion zsh > "${fpath[1]}/_berth")";

std::vector<const CLI::App*> Commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string Words(const CLI::App& app) {
  std::string words;
  for (const CLI::App* command : Commands(app)) words += command->get_name() + " ";
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
  }
  if (!words.empty()) words.pop_back();
  return words;
}

/// One `case` branch for each command: its path -> its words.
void PrintCases(const CLI::App& app, const std::string& path) {
  fmt::print("    '{}') choices='{}' ;;\n", path, Words(app));
  for (const CLI::App* command : Commands(app)) {
    PrintCases(*command, path.empty() ? command->get_name() : path + " " + command->get_name());
  }
}

/// The commands that have commands of their own or are one: what may stand in a path.
std::string Paths(const CLI::App& app, const std::string& path) {
  std::string paths;
  for (const CLI::App* command : Commands(app)) {
    const std::string own = path.empty() ? command->get_name() : path + " " + command->get_name();
    paths += "'" + own + "'|" + Paths(*command, own);
  }
  return paths;
}

void PrintBash(const CLI::App& program) {
  std::string paths = Paths(program, "");
  paths.pop_back();
  fmt::print(R"(# bash completion for berth
_berth() {{
  local path='' next word choices=''
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    [ "$word" = -- ] && {{ COMPREPLY=(); compopt -o default; return; }}
    next="${{path:+$path }}$word"
    case "$next" in
      {}) path="$next" ;;
    esac
  done
  case "$path" in
)",
             paths);
  PrintCases(program, "");
  fmt::print(R"(  esac
  COMPREPLY=($(compgen -W "$choices" -- "${{COMP_WORDS[COMP_CWORD]}}"))
  [ ${{#COMPREPLY[@]}} -gt 0 ] || compopt -o default
}}
complete -F _berth berth
)");
}

void PrintZsh(const CLI::App& program) {
  std::string paths = Paths(program, "");
  paths.pop_back();
  fmt::print(R"(#compdef berth
# zsh completion for berth
_berth() {{
  local path_='' next word choices=''
  for word in "${{words[@]:1:$((CURRENT - 2))}}"; do
    [[ "$word" == -- ]] && {{ _files; return; }}
    next="${{path_:+$path_ }}$word"
    case "$next" in
      {}) path_="$next" ;;
    esac
  done
  case "$path_" in
)",
             paths);
  PrintCases(program, "");
  fmt::print(R"(  esac
  compadd -- ${{=choices}} || _files
}}
if [ "$funcstack[1]" = "_berth" ]; then _berth "$@"; else compdef _berth berth; fi
)");
}

}  // namespace

void AddCompletion(CLI::App& parent, const Context&, Action& action) {
  CLI::App* command = parent.add_subcommand("completion", "Print a completion script for a shell");
  command->footer(kFooter);
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  const CLI::App* program = &parent;
  command->callback([&action, shell, program] {
    action = [shell, program] {
      if (*shell == "bash") {
        PrintBash(*program);
      } else {
        PrintZsh(*program);
      }
      return kSuccess;
    };
  });
}

}  // namespace berth::cli
