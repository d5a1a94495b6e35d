#include "platform/checkpoints.h"

#include <fmt/format.h>

#include "core/files.h"
#include "platform/progress.h"
#include "platform/summary.h"
#include "storage/folder_sync.h"

namespace berth::platform {
namespace {

/// The end of a job waits so long for its last checkpoints.
constexpr std::chrono::minutes kLimit{10};

}  // namespace

Result<std::string> SyncCheckpoints(const TrainingJob& job, const std::filesystem::path& folder,
                                    std::vector<std::string> seen_as,
                                    const std::map<std::string, std::string>& variables,
                                    const Superior& superior) {
  BERTH_ASSIGN(storage::S3Uri place, storage::ParseS3Uri(job.checkpoint_uri));
  BERTH_ASSIGN(storage::Settings settings, storage::Settings::FromEnvironment(variables));
  BERTH_TRY(MakeDirectories(folder));
  BERTH_ASSIGN(const auto sync,
               storage::FolderSync::Start(
                   folder, storage::MakeSyncTarget(std::move(place), std::move(settings)),
                   {.propagate_deletions = true,
                    .existing_is_synced = true,
                    .seen_as = std::move(seen_as),
                    .progress =
                        [&superior](const storage::FolderSyncReport& now) {
                          superior.Tell(
                              ProgressText({.bytes = now.bytes,
                                            .total_bytes = now.bytes,
                                            .files = now.files + now.deleted,
                                            .total_files = now.files + now.deleted + now.missing}));
                        },
                    .component = "local"}));
  superior.Tell("");
  superior.finish().WaitFor(std::chrono::hours(24 * 365 * 100));
  const storage::FolderSyncReport report = sync->Finish(kLimit, &superior.cancel());
  if (!report.complete()) {
    const uint64_t uploads = report.missing - report.undeleted;
    std::string why = report.unread ? "the folder could not be read to its end" : "";
    const auto add = [&why](uint64_t count, std::string_view what) {
      if (count == 0) return;
      why += fmt::format("{}{} file{} {}", why.empty() ? "" : ", ", count, count == 1 ? "" : "s",
                         what);
    };
    add(uploads, "could not be uploaded");
    add(report.undeleted, "could not be deleted there");
    if (!report.named.empty()) {
      why +=
          fmt::format(", \"{}\" first: {}", report.named.front().file, report.named.front().reason);
    }
    return Fail(std::move(why));
  }
  return fmt::format("checkpoints: {} upload{} ({}) and {} deletion{} in {}", report.files,
                     report.files == 1 ? "" : "s", SizeText(report.bytes), report.deleted,
                     report.deleted == 1 ? "" : "s", job.checkpoint_uri);
}

}  // namespace berth::platform
