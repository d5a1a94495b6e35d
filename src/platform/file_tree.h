// The folders and files of a channel, as a file system shows them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/placement.h"

namespace berth::platform {

/// Made once, never changed: read from any thread.
class FileTree {
 public:
  /// A node's number; the root is 0.
  using Id = uint32_t;
  static constexpr Id kRoot = 0;

  struct Node {
    std::string name{};
    Id parent = kRoot;
    /// Of Placement::files; nothing for a folder.
    std::optional<uint32_t> file{};
    /// By name.
    std::vector<Id> children{};
  };

  explicit FileTree(const Placement& placement);

  const Node& node(Id id) const { return nodes_[id]; }
  size_t size() const { return nodes_.size(); }

  /// The node of that name in that folder.
  std::optional<Id> Find(Id folder, std::string_view name) const;

 private:
  Id Add(Id parent, std::string_view name);

  std::vector<Node> nodes_;
};

}  // namespace berth::platform
