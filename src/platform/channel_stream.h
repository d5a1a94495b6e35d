// One epoch of a Pipe channel, written to a descriptor.
#pragma once

#include <vector>

#include "core/error.h"
#include "platform/channel_data.h"
#include "platform/data_store.h"
#include "platform/request.h"

namespace berth::platform {

/// Objects (or lines) in the given order: decompressed where the channel is Gzip, each a RecordIO
/// record where it asks for that. Blocks while nobody reads. EPIPE once the reader is gone.
///
/// Memory: objects are opened ahead, and fetched ahead as the store does. A record of compressed
/// content is held whole, because its length stands before it.
[[nodiscard]] Result<void> StreamChannel(const Channel& channel, const ChannelData& data,
                                         const std::vector<size_t>& order, DataStore& store,
                                         int writer);

}  // namespace berth::platform
