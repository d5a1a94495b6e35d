// The two kinds of manifest that can name a channel's data. Pure: texts to values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace berth::platform {

/// ManifestFile: `[{"prefix": "s3://bucket/folder/"}, "a.csv", "b/c.csv"]`.
struct Manifest {
  std::string prefix{};
  /// Put behind the prefix as they are, without a '/' between.
  std::vector<std::string> suffixes{};
};

[[nodiscard]] Result<Manifest> ParseManifest(std::string_view text);

/// AugmentedManifestFile: a JSON object on each line. A part of a line that a "…-ref" attribute
/// names is the content of an object; any other is a value itself.
struct ManifestPart {
  bool reference = false;
  std::string text{};  // the object's URI, or the value: strings as they are, the rest as JSON
  bool operator==(const ManifestPart&) const = default;
};

/// For each line the parts that `attributes` names, in that order. Empty lines are left out. The
/// error names the line.
[[nodiscard]] Result<std::vector<std::vector<ManifestPart>>> ParseAugmentedManifest(
    std::string_view text, const std::vector<std::string>& attributes);

}  // namespace berth::platform
