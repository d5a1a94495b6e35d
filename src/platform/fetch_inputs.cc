#include "platform/fetch_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <vector>

#include "core/files.h"
#include "core/log.h"
#include "platform/channel_data.h"
#include "platform/data_store.h"
#include "platform/progress.h"
#include "platform/shares.h"
#include "platform/summary.h"
#include "storage/transfer.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

struct Download {
  Item item;
  fs::path to;
};

Error Within(const TrainingJob& job, size_t channel, const Error& error) {
  return error.Within(
      fmt::format("InputDataConfig[{}] (channel \"{}\")", channel, job.channels[channel].name));
}

/// Lays down the folders of a channel and says which file comes from where. Two objects cannot
/// become one file, nor one the folder of another; the same object twice is one.
Result<void> Plan(ChannelData data, const fs::path& folder, std::vector<Download>& downloads) {
  BERTH_TRY(MakeDirectories(folder));
  std::map<std::string, std::string> taken;
  // One host: its share of a ShardedByS3Key channel is all of it.
  for (const size_t i : OrderOf(data.items.size(), std::nullopt, 0)) {
    Item& item = data.items[i];
    const fs::path to = folder / item.name;
    const fs::path parent = item.folder ? to : to.parent_path();
    if (auto made = MakeDirectories(parent); !made) {
      return Fail(made.error().Within("cannot place " + item.Text()));
    }
    if (item.folder) {
      if (item.object.size == 0) continue;
      return Fail(fmt::format("cannot place {}: its name is that of a folder, and it has {} bytes",
                              item.Text(), item.object.size));
    }
    const auto [other, first] = taken.emplace(item.name, item.Text());
    if (!first && other->second == item.Text()) continue;
    if (!first) {
      return Fail(fmt::format("cannot place {}: \"{}\" is the name of {}, too", item.Text(),
                              item.name, other->second));
    }
    downloads.push_back({std::move(item), to});
  }
  for (const auto& [name, object] : taken) {
    // In the order of names a folder's first file comes right behind the file of its name.
    const auto below = taken.lower_bound(name + "/");
    if (below == taken.end() || !below->first.starts_with(name + "/")) continue;
    return Fail(fmt::format("cannot place {}: its name is that of the folder of {}", object,
                            below->second));
  }
  return {};
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
    std::error_code cause;
    fs::copy_file(download.item.object.key, download.to, cause);
    if (cause) {
      return Fail(
          Error::System(cause.value(), fmt::format("cannot copy \"{}\"", download.item.Text())));
    }
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

Result<std::string> RestoreCheckpoints(const TrainingJob& job, const FetchOptions& options,
                                       DataStore& store, const Superior& superior) {
  BERTH_ASSIGN(storage::S3Client* const client, store.Client());
  BERTH_ASSIGN(const storage::S3Uri prefix, storage::ParseS3Uri(job.checkpoint_uri));
  BERTH_ASSIGN(const storage::TransferReport report,
               storage::DownloadPrefix(
                   *client, prefix, options.checkpoints,
                   {.cancel = &superior.cancel(), .progress = [&](const storage::Progress& now) {
                      superior.Tell(ProgressText(now));
                    }}));
  if (report.files == 0) return fmt::format("no checkpoints in {} yet\n", job.checkpoint_uri);
  return fmt::format("restored {} checkpoint file{} ({}) from {}\n", report.files,
                     report.files == 1 ? "" : "s", SizeText(report.bytes), job.checkpoint_uri);
}

/// A bucket that does not exist is worth an end before the start. Whoever may write but not list
/// is let through.
Result<void> CheckOutput(const TrainingJob& job, DataStore& store) {
  BERTH_ASSIGN(const storage::S3Uri prefix, storage::ParseS3Uri(job.output_uri));
  BERTH_ASSIGN(storage::S3Client* const client, store.Client());
  bool any = false;
  const auto listed = client->List(prefix,
                                   [&any](const storage::ObjectInfo&) -> Result<void> {
                                     any = true;
                                     return Fail("enough");  // ends the listing
                                   },
                                   {.cancel = &store.cancel(), .moved = {}});
  if (listed || any || listed.error().system_error() != ENOENT) return {};
  return Fail(listed.error().Within("OutputDataConfig.S3OutputPath"));
}

bool IsDownloaded(const Channel& channel) {
  return channel.input_mode != "Pipe" && channel.path.empty();
}

Result<std::string> FetchAll(const TrainingJob& job, const FetchOptions& options,
                             const Superior& superior) {
  DataStore store(options.variables, options.working_directory, superior.cancel());
  std::string lines;
  if (storage::IsS3(job.output_uri)) BERTH_TRY(CheckOutput(job, store));

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
    if (plain_stream || !channel.path.empty()) continue;
    auto data = Resolve(channel, store);
    if (!data) return Fail(Within(job, i, data.error()));
    if (!IsDownloaded(channel)) continue;
    if (channel.input_mode == "FastFile") {
      lines += fmt::format(
          "channel \"{}\": FastFile is not mounted here: its objects were "
          "downloaded before the start, as in File mode\n",
          channel.name);
    }
    if (auto planned = Plan(*std::move(data), options.channels / channel.name, downloads);
        !planned) {
      return Fail(Within(job, i, planned.error()));
    }
  }
  for (const Download& download : downloads) bytes += download.item.object.size;
  BERTH_TRY(Move(downloads, store, superior));
  if (!downloads.empty()) {
    lines += fmt::format("input data: {} file{}, {}\n", downloads.size(),
                         downloads.size() == 1 ? "" : "s", SizeText(bytes));
  }
  if (storage::IsS3(job.checkpoint_uri)) {
    auto restored = RestoreCheckpoints(job, options, store, superior);
    if (!restored) return Fail(restored.error().Within("CheckpointConfig.S3Uri"));
    lines += *restored;
  }
  return lines;
}

}  // namespace

bool NeedsFetching(const TrainingJob& job) {
  return storage::IsS3(job.checkpoint_uri) || storage::IsS3(job.output_uri) ||
         std::any_of(job.channels.begin(), job.channels.end(),
                     [](const Channel& channel) { return channel.path.empty(); });
}

Result<std::string> FetchInputs(const TrainingJob& job, const FetchOptions& options,
                                const Superior& superior) {
  auto lines = FetchAll(job, options, superior);
  if (!lines) {
    return Fail("ClientError: Data download failed: " + lines.error().message(),
                lines.error().system_error());
  }
  return lines;
}

}  // namespace berth::platform
