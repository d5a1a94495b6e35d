#include "platform/fetch_inputs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/files.h"
#include "platform/channel_data.h"
#include "platform/data_store.h"
#include "platform/fast_files.h"
#include "platform/hosts.h"
#include "platform/placement.h"
#include "platform/progress.h"
#include "platform/summary.h"
#include "storage/transfer.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

struct Download {
  Item item;
  fs::path to;
  bool linked = false;  // rather than copied, where it is a file of this machine
};

Error Within(const TrainingJob& job, size_t channel, const Error& error) {
  return error.Within(
      fmt::format("InputDataConfig[{}] (channel \"{}\")", channel, job.channels[channel].name));
}

/// Lays down the folders of a channel and says which file comes from where.
Result<void> PlanFolder(std::vector<Item> items, const fs::path& folder, bool linked,
                        std::vector<Download>& downloads) {
  BERTH_TRY(MakeDirectories(folder));
  BERTH_ASSIGN(Placement placement, Place(std::move(items)));
  for (const std::string& name : placement.folders) BERTH_TRY(MakeDirectories(folder / name));
  for (Item& item : placement.files) {
    const fs::path to = folder / item.name;
    if (auto made = MakeDirectories(to.parent_path()); !made) {
      return Fail(made.error().Within("cannot place " + item.Text()));
    }
    downloads.push_back({std::move(item), to, linked});
  }
  return {};
}

/// The channel's one folder, or one for each host's share.
Result<void> Plan(const ChannelData& data, const Channel& channel, const TrainingJob& job,
                  const JobDirectory& directory, std::vector<Download>& downloads) {
  for (const size_t host : HostsWith(channel, job)) {
    BERTH_TRY(PlanFolder(ItemsOf(data, channel, *ShareOf(channel, job, host)),
                         directory.channel(channel, job.hosts[host]), channel.sharded, downloads));
    if (!channel.sharded) break;
  }
  return {};
}

/// A file of this machine.
Result<void> Copy(const Download& download) {
  const std::string& from = download.item.object.key;
  if (download.linked &&
      ::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, download.to.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    return {};
  }
  std::error_code cause;
  fs::copy_file(from, download.to, cause);
  if (!cause) return {};
  return Fail(
      Error::System(cause.value(), fmt::format("cannot copy \"{}\"", download.item.Text())));
}

Result<void> Move(const std::vector<Download>& downloads, DataStore& store,
                  const Superior& superior) {
  storage::Progress whole;
  for (const Download& download : downloads) whole.total_bytes += download.item.object.size;
  whole.total_files = downloads.size();

  std::unique_ptr<storage::Transfers> transfers;
  uint64_t copied = 0;
  for (const Download& download : downloads) {
    if (!download.item.bucket.empty()) {
      if (transfers == nullptr) {
        BERTH_ASSIGN(storage::S3Client* const client, store.Client());
        const auto tell = [&superior, whole](const storage::Progress& now) {
          storage::Progress told = whole;
          told.bytes = now.bytes;
          told.files = now.files;
          superior.Tell(ProgressText(told));
        };
        BERTH_ASSIGN(transfers, storage::Transfers::Start(
                                    *client, {.cancel = &superior.cancel(), .progress = tell}));
      }
      BERTH_TRY(transfers->Get(download.item.bucket, download.item.object, download.to));
      continue;
    }
    BERTH_TRY(Copy(download));
    ++copied;
    superior.Tell(ProgressText({.bytes = 0,
                                .total_bytes = whole.total_bytes,
                                .files = copied,
                                .total_files = whole.total_files}));
  }
  if (transfers == nullptr) return {};
  const auto moved = transfers->Finish();
  if (!moved) return Fail(moved.error());
  return {};
}

Result<std::string> RestoreCheckpoints(const TrainingJob& job, const fs::path& folder,
                                       DataStore& store, const Superior& superior) {
  BERTH_ASSIGN(storage::S3Client* const client, store.Client());
  BERTH_ASSIGN(const storage::S3Uri prefix, storage::ParseS3Uri(job.checkpoint_uri));
  BERTH_ASSIGN(const storage::TransferReport report,
               storage::DownloadPrefix(
                   *client, prefix, folder,
                   {.cancel = &superior.cancel(), .progress = [&](const storage::Progress& now) {
                      superior.Tell(ProgressText(now));
                    }}));
  if (report.files == 0) return fmt::format("no checkpoints in {} yet\n", job.checkpoint_uri);
  return fmt::format("restored {} checkpoint file{} ({}) from {}\n", report.files,
                     report.files == 1 ? "" : "s", SizeText(report.bytes), job.checkpoint_uri);
}

/// A bucket that does not exist is worth an end before the start, and so is what another job left
/// there. Whoever may write but not list is let through.
Result<void> CheckOutput(const TrainingJob& job, DataStore& store) {
  BERTH_ASSIGN(const storage::S3Uri path, storage::ParseS3Uri(job.output_uri));
  storage::S3Uri prefix = path.Below(job.name);
  prefix.key += '/';
  BERTH_ASSIGN(storage::S3Client* const client, store.Client());
  bool any = false;
  const auto listed = client->List(prefix,
                                   [&any](const storage::ObjectInfo&) -> Result<void> {
                                     any = true;
                                     return Fail("enough");  // ends the listing
                                   },
                                   {.cancel = &store.cancel(), .moved = {}});
  if (any) {
    return Fail(fmt::format("ResourceInUse: {} holds what another job of this name left; choose "
                            "another --name, or remove it",
                            prefix.Text()),
                EEXIST);
  }
  if (listed || listed.error().system_error() != ENOENT) return {};
  return Fail(listed.error().Within("ClientError: OutputDataConfig.S3OutputPath"));
}

/// The hosts' code, which they cannot reach themselves.
Result<void> FetchCode(const TrainingJob& job, const fs::path& to, DataStore& store) {
  BERTH_ASSIGN(const storage::S3Uri from, storage::ParseS3Uri(job.submit_directory));
  BERTH_TRY(MakeDirectories(to.parent_path()));
  BERTH_ASSIGN(storage::S3Client* const client, store.Client());
  BERTH_TRY(client->Get(from, to, {.cancel = &store.cancel(), .moved = {}}));
  return {};
}

bool IsDownloaded(const Channel& channel) {
  return channel.input_mode != "Pipe" && !IsMounted(channel);
}

Result<std::string> FetchAll(const TrainingJob& job, const JobDirectory& directory,
                             const FetchOptions& options, DataStore& store,
                             const Superior& superior) {
  std::string lines;

  std::vector<Download> downloads;
  uint64_t bytes = 0;
  for (size_t i = 0; i < job.channels.size(); ++i) {
    const Channel& channel = job.channels[i];
    const bool plain_stream = channel.input_mode == "Pipe" && channel.data_type == "S3Prefix";
    if (plain_stream) {
      if (auto there = store.CheckPrefix(channel.uri); !there) {
        return Fail(Within(job, i, there.error()));
      }
    }
    if (plain_stream || IsMounted(channel)) continue;
    if (options.mounts_fast_files && IsFastFile(channel)) continue;
    auto data = Resolve(channel, store);
    if (!data) return Fail(Within(job, i, data.error()));
    if (!IsDownloaded(channel)) continue;
    if (auto planned = Plan(*data, channel, job, directory, downloads); !planned) {
      return Fail(Within(job, i, planned.error()));
    }
  }
  for (const Download& download : downloads) bytes += download.item.object.size;
  BERTH_TRY(Move(downloads, store, superior));
  if (!downloads.empty()) {
    lines += fmt::format("input data: {} file{}, {}\n", downloads.size(),
                         downloads.size() == 1 ? "" : "s", SizeText(bytes));
  }
  if (BringsCode(job)) {
    if (auto brought = FetchCode(job, directory.code(job), store); !brought) {
      return Fail(brought.error().Within("HyperParameters[\"sagemaker_submit_directory\"]"));
    }
  }
  if (storage::IsS3(job.checkpoint_uri)) {
    auto restored = RestoreCheckpoints(job, directory.checkpoints(), store, superior);
    if (!restored) return Fail(restored.error().Within("CheckpointConfig.S3Uri"));
    lines += *restored;
  }
  return lines;
}

}  // namespace

bool NeedsFetching(const TrainingJob& job) {
  return BringsCode(job) || storage::IsS3(job.checkpoint_uri) || storage::IsS3(job.output_uri) ||
         std::any_of(job.channels.begin(), job.channels.end(),
                     [](const Channel& channel) { return !IsMounted(channel); });
}

Result<std::string> FetchInputs(const TrainingJob& job, const JobDirectory& directory,
                                const FetchOptions& options, const Superior& superior) {
  DataStore store(options.variables, options.working_directory, superior.cancel());
  // What the first run left there is the second one's, too.
  if (options.first_run && storage::IsS3(job.output_uri)) BERTH_TRY(CheckOutput(job, store));
  auto lines = FetchAll(job, directory, options, store, superior);
  if (!lines) {
    return Fail("ClientError: Data download failed: " + lines.error().message(),
                lines.error().system_error());
  }
  return lines;
}

}  // namespace berth::platform
