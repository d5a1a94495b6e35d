// Folders of several hosts, made one.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"

namespace berth::platform {

/// A host's name, and its folder.
struct HostFolder {
  std::string host{};
  std::filesystem::path folder{};
};

/// Moves what is in the other folders into the first, which then holds all of it. All are on one
/// file system: nothing is copied. Folders of one name become one. Of anything else the first host
/// that has the name keeps it, and what the others have stays where it is; where it differs, a
/// sentence says so, for the first kMaxWarnings names. Missing folders are empty ones. An error
/// leaves things half moved.
[[nodiscard]] Result<std::vector<std::string>> MergeFolders(std::span<const HostFolder> folders);

}  // namespace berth::platform
