#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/text.h"
#include "usercode/usercode.h"

namespace berth::usercode {
namespace {

constexpr std::string_view kRepositoryVariable = "CA_REPOSITORY_ARN";

struct Repository {
  std::string region;
  std::string owner;
  std::string domain;
  std::string name;
};

/// Starts with a letter or digit, so that it is never read as an option; then those and "-._".
bool IsPlain(std::string_view word) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !word.empty() && alphanumeric(word.front()) &&
         std::all_of(word.begin(), word.end(),
                     [&](char c) { return alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

/// arn:PARTITION:codeartifact:REGION:ACCOUNT:repository/DOMAIN/NAME
std::optional<Repository> ParseArn(const std::string& arn) {
  const std::vector<std::string> parts = Split(arn, ':');
  if (parts.size() != 6 || parts[0] != "arn" || parts[2] != "codeartifact") return std::nullopt;
  const std::vector<std::string> path = Split(parts[5], '/');
  if (path.size() != 3 || path[0] != "repository") return std::nullopt;
  for (const std::string& word : {parts[1], parts[3], parts[4], path[1], path[2]}) {
    if (!IsPlain(word)) return std::nullopt;
  }
  return Repository{.region = parts[3], .owner = parts[4], .domain = path[1], .name = path[2]};
}

/// Points pip to the repository, with a token that lasts 12 hours.
Result<std::vector<std::string>> LoginCommand(const std::string& arn,
                                              const process::Variables& variables) {
  const auto repository = ParseArn(arn);
  if (!repository) {
    return Fail(
        fmt::format("{} is {}, which is not the ARN of a CodeArtifact repository: expected "
                    "arn:PARTITION:codeartifact:REGION:ACCOUNT:repository/DOMAIN/NAME",
                    kRepositoryVariable, Quoted(arn)));
  }
  const auto aws = process::FindProgram("aws", variables);
  if (!aws) {
    return Fail(
        fmt::format("{} is set, and to install from CodeArtifact this version needs the AWS "
                    "CLI: install it into the image, or unset the variable and set "
                    "PIP_INDEX_URL ({})",
                    kRepositoryVariable, aws.error().message()));
  }
  return std::vector<std::string>{*aws,
                                  "codeartifact",
                                  "login",
                                  "--tool",
                                  "pip",
                                  "--domain",
                                  repository->domain,
                                  "--domain-owner",
                                  repository->owner,
                                  "--repository",
                                  repository->name,
                                  "--region",
                                  repository->region};
}

}  // namespace

Result<std::vector<process::Command>> InstallCommands(const Source& source, EntryPointKind kind,
                                                      const std::string& python,
                                                      const process::Variables& variables) {
  std::error_code ignored;
  const bool requirements =
      std::filesystem::exists(source.code_directory / "requirements.txt", ignored);
  const bool package = kind == EntryPointKind::kPythonPackage;
  std::vector<process::Command> commands;
  if (!package && !(kind == EntryPointKind::kPythonScript && requirements)) return commands;

  const auto add = [&](std::vector<std::string> argv) {
    commands.push_back({.argv = std::move(argv),
                        .variables = variables,
                        .directory = source.code_directory.string()});
  };
  const auto arn = variables.find(std::string(kRepositoryVariable));
  if (arn != variables.end() && !arn->second.empty()) {
    BERTH_ASSIGN(auto login, LoginCommand(arn->second, variables));
    add(std::move(login));
  }
  std::vector<std::string> pip = {python, "-m", "pip", "install"};
  if (package) pip.emplace_back(".");
  if (requirements) pip.insert(pip.end(), {"-r", "requirements.txt"});
  add(std::move(pip));
  return commands;
}

Result<std::string> FindPython(const process::Variables& variables) {
  if (auto python3 = process::FindProgram("python3", variables)) return python3;
  if (auto python = process::FindProgram("python", variables)) return python;
  const auto path = variables.find("PATH");
  const std::string where =
      path == variables.end() ? "PATH is not set" : fmt::format("PATH is {}", Quoted(path->second));
  return Fail(
      fmt::format("there is neither python3 nor python ({}): install Python into the image, "
                  "or add its folder to PATH",
                  where));
}

}  // namespace berth::usercode
