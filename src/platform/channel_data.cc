#include "platform/channel_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>

#include "storage/names.h"

namespace berth::platform {
namespace {

constexpr size_t kAsksAtOnce = 16;

/// Calls each(0) … each(count - 1) from several threads. The first failure ends it.
template <typename Each>
Result<void> InParallel(size_t count, const Each& each) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::optional<Error> failure;
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++) {
      auto done = each(i);
      if (done) continue;
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::move(done).error();
      next = count;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < std::min(count, kAsksAtOnce); ++i) threads.emplace_back(work);
    work();
  }
  if (failure) return Fail(*std::move(failure));
  return {};
}

/// A stream makes no files.
bool NeedsNames(const Channel& channel) {
  return channel.input_mode != "Pipe";
}

Result<std::vector<Item>> ResolveManifest(const Channel& channel, DataStore& store) {
  BERTH_ASSIGN(const std::string text, store.ReadText(channel.uri, kManifestLimit));
  auto manifest = ParseManifest(text);
  if (!manifest) return Fail(manifest.error().Within("the manifest \"" + channel.uri + "\""));
  std::vector<Item> items(manifest->suffixes.size());
  BERTH_TRY(InParallel(items.size(), [&](size_t i) -> Result<void> {
    const std::string uri = manifest->prefix + manifest->suffixes[i];
    // The suffix is a path in the channel: held to the rules of keys that become files.
    storage::LocalName name{.path = {}, .directory = uri.ends_with('/')};
    if (NeedsNames(channel)) {
      BERTH_ASSIGN(name, storage::LocalNameOf({channel.name, manifest->suffixes[i]}, ""));
    }
    auto item = store.Find(uri);
    if (!item) return Fail(item.error().Within("the manifest \"" + channel.uri + "\""));
    items[i] = *std::move(item);
    items[i].name = std::move(name.path);
    items[i].folder = name.directory;
    return {};
  }));
  return items;
}

}  // namespace

std::vector<Item> ItemsOf(const ChannelData& data, const Channel& channel, const Share& share) {
  std::vector<Item> items;
  const std::vector<size_t> order = share.hosts > 1
                                        ? OrderOf(data.items.size(), channel.seed, 0, share)
                                        : OrderOf(data.items.size(), std::nullopt, 0);
  items.reserve(order.size());
  for (const size_t index : order) items.push_back(data.items[index]);
  return items;
}

Result<ChannelData> Resolve(const Channel& channel, DataStore& store) {
  ChannelData data;
  if (channel.data_type == "ManifestFile") {
    BERTH_ASSIGN(data.items, ResolveManifest(channel, store));
  } else if (channel.data_type == "AugmentedManifestFile") {
    BERTH_ASSIGN(const std::string text, store.ReadText(channel.uri, kManifestLimit));
    auto lines = ParseAugmentedManifest(text, channel.attributes);
    if (!lines) return Fail(lines.error().Within("the manifest \"" + channel.uri + "\""));
    data.lines = *std::move(lines);
  } else {
    BERTH_ASSIGN(data.items, store.List(channel.uri, NeedsNames(channel)));
  }
  return data;
}

}  // namespace berth::platform
