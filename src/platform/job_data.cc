#include "platform/job_data.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include "core/files.h"
#include "core/log.h"
#include "core/text.h"
#include "platform/container.h"
#include "platform/fast_files.h"
#include "platform/fetch_inputs.h"
#include "platform/progress.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

/// Waits until an errand has its data ready. False where the run ends here: `end` says how.
bool FollowToData(const JobRuns& runs, Errand& errand, std::string_view what, RunEnd& end) {
  Followed followed = Follow(errand, runs.signals, runs.console, what);
  if (followed.signal != 0) {
    end.attended.stopped = StopReason::kSignal;
    end.attended.stop_signal = followed.signal;
    return false;
  }
  if (!followed.end) {
    end.failure = followed.end.error().message();
    return false;
  }
  SayLines(*followed.end);
  return true;
}

}  // namespace

void SayLines(const std::string& text) {
  for (const std::string& line : Split(text, '\n')) {
    if (!line.empty()) log::Info("local", "{}", line);
  }
}

Result<bool> MountsFastFiles(const JobRuns& runs) {
  const std::vector<size_t> channels = FastFileChannels(runs.job);
  if (channels.empty()) return false;
  const fs::path folder = runs.directory.scratch() / "fuse";
  BERTH_TRY(MakeDirectories(folder));
  const auto possible = Container::TryFuse(folder);
  if (possible) return true;
  std::vector<std::string> names;
  names.reserve(channels.size());
  for (const size_t channel : channels)
    names.push_back("\"" + runs.job.channels[channel].name + "\"");
  log::Info("local",
            "FastFile is not possible here ({}): the data of channel{} {} is downloaded before "
            "the start, as in File mode",
            possible.error().message(), names.size() == 1 ? "" : "s", Join(names, ", "));
  return false;
}

Result<bool> Fetch(const JobRuns& runs, bool first_run, bool mounts_fast_files, RunEnd& end) {
  if (!NeedsFetching(runs.job)) return true;
  const FetchOptions options{.variables = runs.options.variables,
                             .working_directory = runs.options.working_directory,
                             .first_run = first_run,
                             .mounts_fast_files = mounts_fast_files};
  BERTH_ASSIGN(Errand errand, Errand::Start([&](const Superior& superior) {
                 return FetchInputs(runs.job, runs.directory, options, superior);
               }));
  return FollowToData(runs, errand, "Downloading", end);
}

Result<FastFiles> StartFastFiles(const JobRuns& runs, RunEnd& end) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return FailErrno("cannot make a socket");
  }
  FastFiles started{.devices = Descriptor(ends[0])};
  const Descriptor theirs(ends[1]);
  const FastFileOptions options{.variables = runs.options.variables,
                                .working_directory = runs.options.working_directory,
                                .devices = theirs.get()};
  BERTH_ASSIGN(Errand errand, Errand::Start(
                                  [&](const Superior& superior) {
                                    return ServeFastFiles(runs.job, options, superior);
                                  },
                                  theirs.get()));
  if (FollowToData(runs, errand, "Listing", end))
    started.errand = std::make_unique<Errand>(std::move(errand));
  return started;
}

}  // namespace berth::platform
