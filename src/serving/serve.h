// `serve`: one process that is the HTTP server and the supervisor of its workers.
#pragma once

#include <string>
#include <vector>

#include "contract/serving_environment.h"
#include "process/supervisor.h"

namespace berth::serving {

inline constexpr int kExitServed = 0;   ///< asked to end, and every request was answered
inline constexpr int kExitWorkers = 1;  ///< workers cannot load the model, or die again and again
inline constexpr int kExitRefused = 2;  ///< configuration, handler, model directory or port

/// Serves until it is asked to end (SIGTERM, SIGINT, SIGHUP, SIGQUIT) or cannot go on, and returns
/// the exit code; why is in the log. In the main thread, before other threads start.
[[nodiscard]] int Serve(const contract::ServingEnvironment& environment,
                        const process::Variables& variables);

/// Runs any other server in place of ours: `words` is its command, which is to listen on the port
/// that SAGEMAKER_BIND_TO_PORT names (8080; it is always set for it). Passes on output and signals,
/// gives it ServingEnvironment::drain to end, reaps what it leaves, and starts it again with
/// growing pauses where it fails; after five failures in a row it gives up. Returns 0 where it
/// ended well or as it was asked to, else its own exit code as a shell tells it.
[[nodiscard]] int ServeCommand(const contract::ServingEnvironment& environment,
                               const process::Variables& variables,
                               const std::vector<std::string>& words);

}  // namespace berth::serving
