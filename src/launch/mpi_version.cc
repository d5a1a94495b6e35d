#include "launch/mpi_version.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "core/text.h"

namespace berth::launch {
namespace {

/// The first mpirun of a cold image loads many libraries.
constexpr std::chrono::seconds kVersionDeadline{60};

/// "4.1.4" from where `text` first has a digit.
std::string NumberIn(std::string_view text) {
  const size_t begin = text.find_first_of("0123456789");
  if (begin == std::string_view::npos) return {};
  const size_t end = text.find_first_not_of("0123456789.abcdefgrv", begin);
  return std::string(text.substr(begin, end == std::string_view::npos ? end : end - begin));
}

MpiVersion Found(MpiKind kind, std::string_view name, const std::string& number) {
  MpiVersion version{.kind = kind, .major = 0, .text = std::string(name), .program = {}};
  std::from_chars(number.data(), number.data() + number.size(), version.major);
  if (!number.empty()) version.text += " " + number;
  return version;
}

}  // namespace

Result<MpiVersion> ParseMpiVersion(std::string_view output) {
  for (const std::string& line : Split(output, '\n')) {
    const std::string_view text = Trim(line);
    if (const size_t at = text.find("(Open MPI)"); at != std::string_view::npos) {
      return Found(MpiKind::kOpenMpi, "Open MPI", NumberIn(text.substr(at)));
    }
    if (text.contains("Intel(R) MPI Library")) {
      const size_t at = text.find("Version");
      return Found(MpiKind::kIntel, "Intel MPI",
                   at == std::string_view::npos ? "" : NumberIn(text.substr(at)));
    }
  }
  if (!output.contains("HYDRA build details")) {
    return Fail(
        fmt::format("`mpirun --version` names no MPI that berth knows (Open MPI, MPICH, "
                    "Intel MPI): {}",
                    Quoted(ToValidUtf8(Trim(output), 200))));
  }
  for (const std::string& line : Split(output, '\n')) {
    const std::string_view text = Trim(line);
    if (text.starts_with("Version:")) return Found(MpiKind::kMpich, "MPICH", NumberIn(text));
  }
  return Found(MpiKind::kMpich, "MPICH", "");
}

Result<MpiVersion> FindMpi(const process::Variables& variables) {
  const auto program = process::FindProgram("mpirun", variables);
  if (!program) {
    return Fail(
        "there is no `mpirun` on the PATH: install Open MPI (Debian and Ubuntu: "
        "openmpi-bin), MPICH or Intel MPI in the image, or switch "
        "sagemaker_mpi_enabled off");
  }
  BERTH_ASSIGN(const process::Outcome outcome,
               process::Capture({{*program, "--version"}, variables, {}}, kVersionDeadline));
  if (!outcome.ok()) {
    const std::string why(
        Trim(outcome.start_error.empty() ? outcome.error_tail : outcome.start_error));
    return Fail(fmt::format("`{} --version` ended with {}{}{}: the image's MPI does not work",
                            *program, outcome.code(), why.empty() ? "" : ": ",
                            ToValidUtf8(why, 500)));
  }
  BERTH_ASSIGN(MpiVersion version, ParseMpiVersion(outcome.output_tail));
  version.program = *program;
  return version;
}

}  // namespace berth::launch
