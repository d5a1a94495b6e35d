// Shell completion, written from the parser itself so that it cannot fall behind it.
#include <fmt/format.h>

#include <algorithm>

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

/// The values of an option that takes one of a few, "json shell" out of "TEXT:{json,shell}"; empty
/// where it takes anything.
std::string Values(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t open = type.find('{');
  const size_t close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return "";
  std::string values = type.substr(open + 1, close - open - 1);
  std::ranges::replace(values, ',', ' ');
  return values;
}

/// One `case` branch for each command: its path -> its words; and one for each option that takes a
/// value: the path and the option -> its values, none of them where a file's name may stand there.
void PrintCases(const CLI::App& app, const std::string& path) {
  std::string words = Words(app);
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      const std::string values = Values(*option);
      if (!values.empty()) words.insert(0, fmt::format("{} ", values));
    } else if (option->get_type_size_max() > 0) {
      fmt::print("    '{} --{}') choices='{}' ;;\n", path, option->get_lnames().front(),
                 Values(*option));
    }
  }
  fmt::print("    '{}') choices='{}' ;;\n", path, words);
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
  local path='' next word matched choices=''
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    [ "$word" = -- ] && {{ COMPREPLY=(); compopt -o default; return; }}
    next="${{path:+$path }}$word"
    case "$next" in
      {}) path="$next" ;;
    esac
  done
  for word in "$path ${{COMP_WORDS[COMP_CWORD-1]}}" "$path"; do
  matched=1
  case "$word" in
)",
             paths);
  PrintCases(program, "");
  fmt::print(R"(    *) matched='' ;;
  esac
  [ -z "$matched" ] || break
  done
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
  local path_='' next word matched choices=''
  for word in "${{words[@]:1:$((CURRENT - 2))}}"; do
    [[ "$word" == -- ]] && {{ _files; return; }}
    next="${{path_:+$path_ }}$word"
    case "$next" in
      {}) path_="$next" ;;
    esac
  done
  for word in "$path_ ${{words[CURRENT-1]}}" "$path_"; do
  matched=1
  case "$word" in
)",
             paths);
  PrintCases(program, "");
  fmt::print(R"(    *) matched='' ;;
  esac
  [[ -z "$matched" ]] || break
  done
  [[ -n "$choices" && "${{words[CURRENT]}}" != */* ]] || {{ _files; return; }}
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
