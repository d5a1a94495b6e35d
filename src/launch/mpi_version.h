// Which MPI an image has: their mpiruns share a name and little else.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "process/supervisor.h"

namespace berth::launch {

enum class MpiKind {
  kOpenMpi,
  /// MPICH and what is made of it (MVAPICH): the launcher is Hydra.
  kMpich,
  /// Intel's own Hydra.
  kIntel,
};

struct MpiVersion {
  MpiKind kind = MpiKind::kOpenMpi;
  /// 0 where it is not said.
  int major = 0;
  /// "Open MPI 4.1.4".
  std::string text;
  /// The file that is `mpirun`.
  std::string program;

  bool open_mpi() const { return kind == MpiKind::kOpenMpi; }
};

/// Reads what `mpirun --version` prints. Fails where it names no MPI that we know.
[[nodiscard]] Result<MpiVersion> ParseMpiVersion(std::string_view output);

/// Asks the `mpirun` of the PATH. The error says how to get one.
[[nodiscard]] Result<MpiVersion> FindMpi(const process::Variables& variables);

}  // namespace berth::launch
