#include "platform/file_tree.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

namespace berth::platform {

FileTree::FileTree(const Placement& placement) {
  nodes_.emplace_back();
  std::unordered_map<std::string, Id> folders{{"", kRoot}};
  const std::function<Id(const std::string&)> folder_of = [&](const std::string& path) -> Id {
    if (const auto known = folders.find(path); known != folders.end()) return known->second;
    const size_t slash = path.rfind('/');
    const Id parent = folder_of(slash == std::string::npos ? "" : path.substr(0, slash));
    const Id made = Add(parent, std::string_view(path).substr(slash + 1));
    folders.emplace(path, made);
    return made;
  };
  for (const std::string& folder : placement.folders) folder_of(folder);
  for (uint32_t i = 0; i < placement.files.size(); ++i) {
    const std::string& path = placement.files[i].name;
    const size_t slash = path.rfind('/');
    const Id parent = folder_of(slash == std::string::npos ? "" : path.substr(0, slash));
    nodes_[Add(parent, std::string_view(path).substr(slash + 1))].file = i;
  }
  for (Node& node : nodes_) {
    std::sort(node.children.begin(), node.children.end(),
              [this](Id a, Id b) { return nodes_[a].name < nodes_[b].name; });
  }
}

FileTree::Id FileTree::Add(Id parent, std::string_view name) {
  const Id id = static_cast<Id>(nodes_.size());
  nodes_.push_back({.name = std::string(name), .parent = parent});
  nodes_[parent].children.push_back(id);
  return id;
}

std::optional<FileTree::Id> FileTree::Find(Id folder, std::string_view name) const {
  const std::vector<Id>& children = nodes_[folder].children;
  const auto found =
      std::lower_bound(children.begin(), children.end(), name,
                       [this](Id id, std::string_view text) { return nodes_[id].name < text; });
  if (found == children.end() || nodes_[*found].name != name) return std::nullopt;
  return *found;
}

}  // namespace berth::platform
