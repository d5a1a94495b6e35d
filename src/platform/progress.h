// How far a transfer is: between processes, and for people.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "platform/console.h"
#include "platform/errand.h"
#include "platform/stop_signals.h"
#include "storage/transfer.h"

namespace berth::platform {

/// What Superior::Tell() is given, and back. A text of another shape is no progress at all.
std::string ProgressText(const storage::Progress& progress);
storage::Progress ReadProgress(std::string_view text);

/// "Downloading 1.2 GB of 3.4 GB, 12 of 40 files, 35.1 MB/s, 1:02 left": the rate is the average
/// since the start.
std::string ProgressLine(std::string_view what, const storage::Progress& progress,
                         std::chrono::milliseconds elapsed);

/// How an errand ended, or got ready.
struct Followed {
  Result<std::string> end;
  int signal = 0;  // the one that asked us to stop meanwhile, else 0
};

/// Waits until the errand is ready, or at its end, and shows how far it is: a line that is redrawn
/// on a terminal, else one in our log every half minute. A signal cancels it; after a second one,
/// or some seconds, it is no longer waited for. An errand that failed or was cancelled is only good
/// for being dropped.
Followed Follow(Errand& errand, StopSignals& signals, Console& console, std::string_view what);

}  // namespace berth::platform
