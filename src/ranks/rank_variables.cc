#include "ranks/rank_variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "core/text.h"
#include "ranks/rank_host.h"

namespace berth::ranks {
namespace {

constexpr std::array<std::string_view, 8> kLaunchersOwn = {"OMPI_", "PMIX_",  "PMI_",   "PRTE_",
                                                           "MPI_",  "I_MPI_", "HYDRA_", "HYDI_"};

using Names = std::initializer_list<const char*>;

/// The first of `names` that is set; an error where it is no number.
Result<std::optional<int>> FirstNumber(const process::Variables& variables, Names names) {
  for (const char* name : names) {
    const auto found = variables.find(name);
    if (found == variables.end()) continue;
    const std::string& text = found->second;
    int value = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0) {
      return Fail(fmt::format("{}={} is no number of a rank", name, Quoted(text)));
    }
    return value;
  }
  return std::optional<int>();
}

}  // namespace

Result<Hello> RankOf(const process::Variables& variables) {
  const Names mpi = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
  BERTH_ASSIGN(std::optional<int> rank, FirstNumber(variables, {kNumberVariable}));
  if (rank) return Hello{*rank, 0, 0};
  bool of_mpi = false;
  if (!variables.contains("TORCHELASTIC_RUN_ID")) {
    BERTH_ASSIGN(rank, FirstNumber(variables, mpi));
    of_mpi = rank.has_value();
  }
  if (!rank) {
    BERTH_ASSIGN(rank, FirstNumber(variables, {"RANK"}));
  }
  if (!rank) {
    return Fail(
        "no launcher has given this process a rank (RANK, OMPI_COMM_WORLD_RANK, PMIX_RANK or "
        "PMI_RANK): it is started by torchrun or mpirun inside of a job of `berth train`, not by "
        "hand");
  }
  BERTH_ASSIGN(const auto local,
               of_mpi ? FirstNumber(variables, {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID"})
                      : FirstNumber(variables, {"LOCAL_RANK"}));
  BERTH_ASSIGN(const auto world, of_mpi
                                     ? FirstNumber(variables, {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
                                     : FirstNumber(variables, {"WORLD_SIZE"}));
  return Hello{*rank, local.value_or(0), world.value_or(0)};
}

process::Variables ProgramVariables(process::Variables own, const RankProgram& program) {
  if (program.overlay) {
    for (const auto& [name, value] : program.variables) {
      const bool theirs =
          std::ranges::find(program.kept, name) != program.kept.end() ||
          std::ranges::any_of(kLaunchersOwn, [&](auto prefix) { return name.starts_with(prefix); });
      if (theirs) {
        own.try_emplace(name, value);
      } else {
        own[name] = value;
      }
    }
  }
  own.erase(kSocketVariable);
  own.erase(kNumberVariable);
  own.try_emplace("PYTHONFAULTHANDLER", "1");
  return own;
}

}  // namespace berth::ranks
