// Pipe mode: a channel is a FIFO for each epoch, /opt/ml/input/data/<channel>_<epoch>, and its
// objects come through it one after the other.
//
// The FIFO of epoch 0 is there when the container starts, that of the next once somebody has opened
// the present one and the one before is over: a reader may open the next ahead of time, and never
// finds more than two. A FIFO whose epoch is over is removed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "platform/errand.h"
#include "platform/request.h"

namespace berth::platform {

struct PipeOptions {
  std::map<std::string, std::string> variables{};
  std::string working_directory{};
  /// What the job's hosts see as /opt/ml, in their order.
  std::vector<std::filesystem::path> trees{};
};

/// Makes the FIFO of a channel's epoch.
[[nodiscard]] Result<void> MakeChannelFifo(const std::filesystem::path& tree,
                                           const std::string& channel, uint64_t epoch);

/// The work of an errand: streams all Pipe channels of the job to each of its hosts, epoch after
/// epoch, until it is killed. A reader that comes late is waited for; one that leaves early ends
/// its epoch. Returns only with an error, and leaves the FIFO open then: a reader must not take it
/// for the end of its data.
[[nodiscard]] Result<std::string> StreamPipes(const TrainingJob& job, const PipeOptions& options,
                                              const Superior& superior);

}  // namespace berth::platform
