// What a job left under /opt/ml, packed as the platform packs it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "platform/request.h"

namespace berth::platform {

/// output/failure: its first 1,024 characters, blanks at both ends cut; empty where there is none.
std::string ReadFailure(const std::filesystem::path& tree);

/// Makes what several hosts left one: the model and the output of all are then in the first tree
/// (MergeFolders()), with the failure of the `culprit`, an index in `hosts`, and no other. `trees`
/// are theirs, in the same order. Returns warnings.
[[nodiscard]] Result<std::vector<std::string>> MergeTrees(
    const std::vector<Host>& hosts, const std::vector<std::filesystem::path>& trees,
    std::optional<size_t> culprit);

/// output.tar.gz holds what is in /opt/ml/output (data/, failure, success), as the SDK's local
/// mode packs it, less output/intermediate, which the platform copies file by file: that folder
/// moves to `root`/intermediate. Returns warnings.
[[nodiscard]] Result<std::vector<std::string>> PackOutput(const std::filesystem::path& tree,
                                                          const std::filesystem::path& root);

/// The content of /opt/ml/model as it is, in `root`/model: for CompressionType NONE.
[[nodiscard]] Result<void> KeepModel(const std::filesystem::path& tree,
                                     const std::filesystem::path& root);

/// model.tar.gz holds what is in /opt/ml/model. Returns warnings.
[[nodiscard]] Result<std::vector<std::string>> PackModel(const std::filesystem::path& tree,
                                                         const std::filesystem::path& root);

}  // namespace berth::platform
