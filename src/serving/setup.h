// Before the first worker: the model, the user's code, its requirements, the interpreter.
#pragma once

#include <cstdint>
#include <string>

#include "contract/serving_environment.h"
#include "core/error.h"
#include "process/held_signals.h"
#include "process/supervisor.h"

namespace berth::serving {

struct Setup {
  std::string python;
  /// Where the handler's file or the application's module is looked for; workers run in it. Empty
  /// where there is no such folder.
  std::string code_directory;
  /// Where `serve` was started: a WSGI application's module may be there.
  std::string start_directory;
  /// What is imported: SAGEMAKER_PROGRAM without ".py", folders as packages.
  std::string module;
  /// Of the workers: the server's, with `code_directory` first in PYTHONPATH.
  process::Variables variables;
  /// All files below the model directory.
  uint64_t model_bytes = 0;
};

/// Finds or fetches all of it; installs requirements.txt, once. Blocks; a signal that asks to end
/// (HeldSignals) ends it with an Error of ECANCELED.
[[nodiscard]] Result<Setup> Prepare(const contract::ServingEnvironment& environment,
                                    const process::Variables& variables,
                                    const process::HeldSignals& held);

}  // namespace berth::serving
