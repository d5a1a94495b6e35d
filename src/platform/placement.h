// Which object becomes which file of a channel.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "platform/data_store.h"

namespace berth::platform {

struct Placement {
  /// In the order of the channel; their names are plain relative paths, all different, none of them
  /// the folder of another.
  std::vector<Item> files{};
  /// Folders that are objects of their own ("name/"), beside those that files are in.
  std::vector<std::string> folders{};
};

/// Two objects cannot become one file, nor one the folder of another: fails with both their names.
/// The same object twice is one.
[[nodiscard]] Result<Placement> Place(std::vector<Item> items);

}  // namespace berth::platform
