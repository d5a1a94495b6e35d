// What a channel's S3DataSource names, looked up.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "platform/data_store.h"
#include "platform/manifest.h"
#include "platform/request.h"
#include "platform/shares.h"

namespace berth::platform {

/// A manifest holds names only; this is some millions of them.
inline constexpr size_t kManifestLimit = size_t{256} << 20;

struct ChannelData {
  /// S3Prefix: in the order of keys. ManifestFile: in its order, names relative to its prefix.
  std::vector<Item> items{};
  /// AugmentedManifestFile: a line each.
  std::vector<std::vector<ManifestPart>> lines{};

  size_t size() const { return items.size() + lines.size(); }
};

/// A host's share of the items, in the order of their delivery before (or in) the first epoch.
std::vector<Item> ItemsOf(const ChannelData& data, const Channel& channel, const Share& share);

/// The error names neither channel nor member: the caller does.
[[nodiscard]] Result<ChannelData> Resolve(const Channel& channel, DataStore& store);

}  // namespace berth::platform
