#include "platform/endpoint_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/missing_file.h"
#include "core/text.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

fs::path Absolute(const std::string& path, const fs::path& working_directory) {
  return (working_directory / path).lexically_normal();
}

Result<void> CheckName(const std::string& program) {
  const std::vector<std::string> parts = Split(program, '/');
  if (program.empty() || program.front() == '/' || std::ranges::find(parts, "..") != parts.end()) {
    return Fail(
        fmt::format("--entry-point {}: must be a file inside the code's folder, such as "
                    "\"inference.py\"",
                    Quoted(program)));
  }
  return {};
}

}  // namespace

Result<EndpointFiles> FindEndpointFiles(const std::string& model, const std::string& source,
                                        const fs::path& working_directory) {
  EndpointFiles files{.named = model, .model = Absolute(model, working_directory)};
  struct stat about{};
  if (::stat(files.model.c_str(), &about) != 0) {
    const Error error =
        Error::System(errno, fmt::format("--model {}: cannot read it", Quoted(model)));
    if (!model.starts_with("s3://")) return Fail(error);
    return Fail(
        fmt::format("--model {}: must be on this machine; download it first", Quoted(model)));
  }
  files.packed = !S_ISDIR(about.st_mode);
  if (files.packed && !S_ISREG(about.st_mode)) {
    return Fail(fmt::format("--model {}: must be a folder or a .tar.gz", Quoted(model)));
  }
  if (::access(files.model.c_str(), files.packed ? R_OK : R_OK | X_OK) != 0) {
    return FailErrno(fmt::format("--model {}: cannot read it", Quoted(model)));
  }
  if (source.empty()) return files;
  files.source = Absolute(source, working_directory);
  if (::stat(files.source.c_str(), &about) != 0) {
    return FailErrno(fmt::format("--source {}: cannot read it", Quoted(source)));
  }
  if (!S_ISDIR(about.st_mode)) {
    return Fail(fmt::format("--source {}: must be a folder; --entry-point names the file in it",
                            Quoted(source)));
  }
  return files;
}

Result<void> CheckHandler(const EndpointFiles& files, const fs::path& model,
                          const std::string& program) {
  BERTH_TRY(CheckName(program));
  const fs::path code = files.source.empty() ? model / "code" : files.source;
  std::error_code ignored;
  if (fs::is_regular_file(code / program, ignored)) return {};
  if (fs::is_directory(code, ignored)) {
    const std::string place = files.source.empty()
                                  ? fmt::format("code/ of the model {}", Quoted(files.named))
                                  : Quoted(files.source.string());
    const std::string instead = InsteadOfMissing(code, program);
    return Fail(fmt::format("the handler {} is not in {}{}", Quoted(program), place,
                            instead.empty() ? ", which holds no files" : instead));
  }
  // Somebody names the folder of a training job.
  if (!files.packed && fs::is_regular_file(model / "model.tar.gz", ignored)) {
    return Fail(fmt::format("--model {} holds no code/; did you mean {}?", Quoted(files.named),
                            Quoted((fs::path(files.named) / "model.tar.gz").string())));
  }
  const std::string instead = InsteadOfMissing(model, program);
  return Fail(fmt::format(
      "the model {} holds no code/{}: name the folder of the handler with "
      "--source{}",
      Quoted(files.named), program, instead.empty() ? ". It holds no files at all" : instead));
}

}  // namespace berth::platform
