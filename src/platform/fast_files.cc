#include "platform/fast_files.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <list>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "core/log.h"
#include "platform/channel_data.h"
#include "platform/data_store.h"
#include "platform/fast_content.h"
#include "platform/fast_folder.h"
#include "platform/hosts.h"
#include "platform/placement.h"
#include "platform/sent_descriptor.h"
#include "platform/summary.h"
#include "storage/cancellation.h"

namespace berth::platform {
namespace {

/// All that is served. Its threads outlive the errand's work, and own it together with that.
struct Served {
  Served(storage::Cancellation end, const FastFileOptions& options)
      : cancel(std::move(end)), store(options.variables, options.working_directory, cancel) {}
  /// Fetches under way end before the threads that do them are waited for.
  ~Served() { cancel.Cancel(); }

  const storage::Cancellation cancel;
  DataStore store;
  std::unique_ptr<FastContent> content{};
  std::list<FastFolder> folders{};
  std::map<uint32_t, const FastFolder*> shown{};  // by FastFileNumber()
};

/// What some hosts are shown: their numbers, its files, and which is the first of them.
struct View {
  std::vector<uint32_t> numbers{};
  Placement placement{};
  uint32_t first_file = 0;
};

/// A view for each host's share, or one for all hosts.
Result<void> Divide(const TrainingJob& job, size_t channel, const ChannelData& data,
                    std::vector<View>& views) {
  const Channel& about = job.channels[channel];
  bool shared = false;
  for (const size_t host : HostsWith(about, job)) {
    const uint32_t number = FastFileNumber(host, channel);
    if (shared) {
      views.back().numbers.push_back(number);
      continue;
    }
    View view{.numbers = {number}};
    BERTH_ASSIGN(view.placement, Place(ItemsOf(data, about, *ShareOf(about, job, host))));
    views.push_back(std::move(view));
    shared = !about.sharded;
  }
  return {};
}

Result<void> List(const TrainingJob& job, Served& served) {
  std::vector<View> views;
  for (const size_t channel : FastFileChannels(job)) {
    const auto within = [&](const Error& error) {
      return Fail(error.Within(
          fmt::format("ClientError: Data download failed: InputDataConfig[{}] (channel \"{}\")",
                      channel, job.channels[channel].name)));
    };
    auto data = Resolve(job.channels[channel], served.store);
    if (!data) return within(data.error());
    if (auto divided = Divide(job, channel, *data, views); !divided) {
      return within(divided.error());
    }
  }
  std::vector<Item> files;
  for (View& view : views) {
    view.first_file = static_cast<uint32_t>(files.size());
    files.insert(files.end(), view.placement.files.begin(), view.placement.files.end());
  }
  BERTH_ASSIGN(served.content, FastContent::Start(served.store, std::move(files)));
  for (const View& view : views) {
    served.folders.emplace_back(view.placement, *served.content, view.first_file);
    for (const uint32_t number : view.numbers) served.shown[number] = &served.folders.back();
  }
  return {};
}

void Serve(const std::shared_ptr<Served>& served, SentDescriptor sent) {
  const auto folder = served->shown.find(sent.number);
  if (folder == served->shown.end()) return;
  std::thread([served, &shown = *folder->second, device = std::move(sent.descriptor)]() mutable {
    if (auto done = shown.Serve(std::move(device)); !done) {
      log::Warning("local", "FastFile: {}", done.error().message());
    }
  }).detach();
}

}  // namespace

bool IsFastFile(const Channel& channel) {
  return channel.input_mode == "FastFile" && !IsMounted(channel);
}

uint32_t FastFileNumber(size_t host, size_t channel) {
  constexpr size_t kMaxChannels = 64;
  return static_cast<uint32_t>(host * kMaxChannels + channel);
}

std::vector<size_t> FastFileChannels(const TrainingJob& job) {
  std::vector<size_t> channels;
  for (size_t i = 0; i < job.channels.size(); ++i) {
    if (IsFastFile(job.channels[i])) channels.push_back(i);
  }
  return channels;
}

Result<std::string> ServeFastFiles(const TrainingJob& job, const FastFileOptions& options,
                                   const Superior& superior) {
  BERTH_ASSIGN(storage::Cancellation cancel, storage::Cancellation::Below(&superior.cancel()));
  const auto served = std::make_shared<Served>(std::move(cancel), options);
  BERTH_TRY(List(job, *served));
  superior.Ready(fmt::format("FastFile: {} file{}, {}, to be fetched when they are read\n",
                             served->content->size(), served->content->size() == 1 ? "" : "s",
                             SizeText(served->content->bytes())));
  enum { kFinish, kCancel, kDevices };
  std::array<pollfd, 3> waits{{{superior.finish().descriptor(), POLLIN, 0},
                               {superior.cancel().descriptor(), POLLIN, 0},
                               {options.devices, POLLIN, 0}}};
  for (;;) {
    if (::poll(waits.data(), waits.size(), -1) < 0) continue;
    if (waits[kFinish].revents != 0 || waits[kCancel].revents != 0) break;
    if (waits[kDevices].revents == 0) continue;
    if (auto sent = ReceiveDescriptor(options.devices)) {
      Serve(served, *std::move(sent));
    } else {
      waits[kDevices].fd = -1;  // the keeper has sent all there are
    }
  }
  return served->content->Report();
}

}  // namespace berth::platform
