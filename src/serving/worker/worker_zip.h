// The code that runs in a worker, carried in this binary.
#pragma once

#include <string_view>

namespace berth::serving::worker {

/// A zip archive of python/, which an interpreter runs: `python3 ARCHIVE CONTROL_FD`. For the life
/// of the process.
std::string_view WorkerZip();

}  // namespace berth::serving::worker
