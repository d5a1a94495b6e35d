#include "process/find_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/text.h"

namespace berth::process {

std::string SearchPath(const Variables& variables) {
  const auto path = variables.find("PATH");
  return path != variables.end() ? path->second : std::string(kDefaultPath);
}

std::vector<std::string> ProgramPaths(std::string_view name, const Variables& variables) {
  if (name.find('/') != std::string_view::npos) return {std::string(name)};
  std::vector<std::string> paths;
  if (name.empty()) return paths;
  for (const std::string& folder : Split(SearchPath(variables), ':')) {
    paths.push_back(fmt::format("{}/{}", folder.empty() ? "." : folder, name));
  }
  return paths;
}

Result<std::string> FindProgram(std::string_view name, const Variables& variables) {
  std::string not_executable;
  for (const std::string& path : ProgramPaths(name, variables)) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0) return path;
    if (not_executable.empty()) not_executable = path;
  }
  if (!not_executable.empty()) {
    return Fail(fmt::format("\"{}\" is not executable: make it so with chmod +x", not_executable),
                EACCES);
  }
  if (name.find('/') != std::string_view::npos) {
    return Fail(fmt::format("there is no program \"{}\"", name), ENOENT);
  }
  return Fail(
      fmt::format("there is no program \"{}\" on the PATH ({})", name, SearchPath(variables)),
      ENOENT);
}

}  // namespace berth::process
