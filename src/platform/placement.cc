#include "platform/placement.h"

#include <fmt/format.h>

#include <map>

namespace berth::platform {

Result<Placement> Place(std::vector<Item> items) {
  Placement placement;
  std::map<std::string, std::string> files;    // name: object
  std::map<std::string, std::string> folders;  // name: an object that makes it one
  for (Item& item : items) {
    const std::string text = item.Text();
    if (item.folder && item.object.size > 0) {
      return Fail(fmt::format("cannot place {}: its name is that of a folder, and it has {} bytes",
                              text, item.object.size));
    }
    // The folders it is in; from the nearest up to the first that is known.
    size_t end = item.folder ? item.name.size() : item.name.rfind('/');
    while (end != std::string::npos && end > 0 &&
           folders.emplace(item.name.substr(0, end), text).second) {
      end = item.name.rfind('/', end - 1);
    }
    if (item.folder) {
      if (!item.name.empty()) placement.folders.push_back(std::move(item.name));
      continue;
    }
    const auto [other, first] = files.emplace(item.name, text);
    if (!first && other->second == text) continue;
    if (!first) {
      return Fail(fmt::format("cannot place {}: \"{}\" is the name of {}, too", text, item.name,
                              other->second));
    }
    placement.files.push_back(std::move(item));
  }
  for (const auto& [name, object] : files) {
    if (const auto folder = folders.find(name); folder != folders.end()) {
      return Fail(fmt::format("cannot place {}: its name is that of the folder of {}", object,
                              folder->second));
    }
  }
  return placement;
}

}  // namespace berth::platform
