// What a rank can tell from its environment, and the environment of its program. Pure.
#pragma once

#include "core/error.h"
#include "process/supervisor.h"
#include "ranks/message.h"

namespace berth::ranks {

/// Which rank the launcher started us as. Of berth itself (parameter servers): kNumberVariable. Of
/// torchrun (TORCHELASTIC_RUN_ID is set): RANK,
/// LOCAL_RANK, WORLD_SIZE. Of an MPI: OMPI_COMM_WORLD_RANK, PMIX_RANK, PMI_RANK, with
/// OMPI_COMM_WORLD_LOCAL_RANK or MPI_LOCALRANKID, and OMPI_COMM_WORLD_SIZE or PMI_SIZE. Then RANK
/// without torchrun: an image may have a RANK of its own, and an MPI's word counts before it. A
/// local rank that nobody tells is 0. Fails where no launcher has given a number.
[[nodiscard]] Result<Hello> RankOf(const process::Variables& variables);

/// The environment of the rank's program: `own` is what the launcher gave to us. Names that belong
/// to a launcher, or are in `program.kept`, keep its value. Less kSocketVariable and
/// kNumberVariable; PYTHONFAULTHANDLER is 1 unless it is set.
process::Variables ProgramVariables(process::Variables own, const RankProgram& program);

}  // namespace berth::ranks
