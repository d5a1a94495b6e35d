#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/files.h"
#include "core/missing_file.h"
#include "core/text.h"
#include "usercode/usercode.h"

namespace berth::usercode {
namespace fs = std::filesystem;
namespace {

Result<void> CheckName(const std::string& name) {
  if (name.empty()) {
    return Fail(
        "there is no entry point: set the hyperparameter sagemaker_program or the variable "
        "SAGEMAKER_PROGRAM to the script to run, such as \"train.py\"");
  }
  const std::vector<std::string> parts = Split(name, '/');
  if (name.front() == '/' || std::find(parts.begin(), parts.end(), "..") != parts.end()) {
    return Fail(
        fmt::format("entry point {} must be a path inside the code directory, such as "
                    "\"train.py\" or \"bin/train.sh\"",
                    Quoted(name)));
  }
  return {};
}

std::unexpected<Error> FailMissing(const Source& source) {
  const std::string message =
      fmt::format("entry point {} is not in \"{}\"", Quoted(source.entry_point),
                  source.code_directory.string());
  const std::string instead = InsteadOfMissing(source.code_directory, source.entry_point);
  if (instead.empty()) {
    return Fail(message +
                ", which holds no files: set sagemaker_submit_directory, or put the code "
                "there when the image is built");
  }
  return Fail(message + instead);
}

/// Many only hold settings of a linter: those make no package.
bool DeclaresPackage(const fs::path& pyproject) {
  const auto text = ReadFile(pyproject);
  if (!text) return false;
  for (const std::string& line : Split(*text, '\n')) {
    const std::string_view table = Trim(line);
    if (table.starts_with("[project]") || table.starts_with("[build-system]")) return true;
  }
  return false;
}

bool LiesInside(const fs::path& path, const fs::path& folder) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return false;
  const fs::path relative = real.lexically_relative(fs::canonical(folder, error));
  return !error && !relative.empty() && *relative.begin() != "..";
}

/// "sub/train.py" is the module "sub.train".
std::string ModuleName(std::string name) {
  if (name.ends_with(".py")) name.resize(name.size() - 3);
  if (name.starts_with("./")) name.erase(0, 2);
  std::replace(name.begin(), name.end(), '/', '.');
  return name;
}

}  // namespace

Result<EntryPointKind> Classify(const Source& source) {
  const std::string& name = source.entry_point;
  const fs::path& code = source.code_directory;
  BERTH_TRY(CheckName(name));
  std::error_code error;
  if (!name.ends_with(".sh") && fs::exists(code / "setup.py", error)) {
    return EntryPointKind::kPythonPackage;
  }
  const fs::file_status status = fs::status(code / name, error);
  if (fs::is_regular_file(status)) {
    if (!LiesInside(code / name, code)) {
      return Fail(
          fmt::format("entry point {} is a link that leads out of \"{}\"; copy the file there",
                      Quoted(name), code.string()));
    }
    return name.ends_with(".py") ? EntryPointKind::kPythonScript : EntryPointKind::kProgram;
  }
  if (DeclaresPackage(code / "pyproject.toml")) return EntryPointKind::kPythonPackage;
  if (fs::is_directory(status)) {
    return Fail(
        fmt::format("entry point {} is a folder; name the file in it that is to run, such as "
                    "{}",
                    Quoted(name), Quoted((fs::path(name) / "train.py").string())));
  }
  if (fs::exists(status)) return Fail(fmt::format("entry point {} is not a file", Quoted(name)));
  return FailMissing(source);
}

process::Command EntryPointCommand(const Source& source, EntryPointKind kind,
                                   const std::string& python,
                                   const std::vector<std::string>& arguments,
                                   const process::Variables& variables) {
  const std::string& name = source.entry_point;
  process::Command command{
      .argv = {}, .variables = variables, .directory = source.code_directory.string()};
  switch (kind) {
    case EntryPointKind::kPythonPackage:
      command.argv = {python, "-m", ModuleName(name)};
      break;
    // Python would take "-x.py" for options.
    case EntryPointKind::kPythonScript:
      command.argv = {python, name.starts_with('-') ? "./" + name : name};
      break;
    case EntryPointKind::kProgram:
      command.argv = {"./" + name};
      break;
  }
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  return command;
}

Result<void> PrepareEntryPoint(const Source& source, EntryPointKind kind) {
  if (kind != EntryPointKind::kProgram) return {};
  const fs::path path = source.code_directory / source.entry_point;
  struct stat about;
  if (::stat(path.c_str(), &about) != 0) {
    return FailErrno(fmt::format("cannot look at \"{}\"", path.string()));
  }
  // Not by access(): to root everything with one x for anybody is executable.
  constexpr mode_t kExecutable = 0111;
  if ((about.st_mode & kExecutable) == kExecutable) return {};
  if (::chmod(path.c_str(), (about.st_mode & 07777) | kExecutable) != 0 &&
      ::access(path.c_str(), X_OK) != 0) {
    return FailErrno(fmt::format("cannot make \"{}\" executable", path.string()));
  }
  return {};
}

}  // namespace berth::usercode
