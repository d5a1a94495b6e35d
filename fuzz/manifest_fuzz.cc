// The two kinds of manifest: any bytes are understood or refused with a message that is text.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/text.h"
#include "platform/manifest.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

bool IsAddress(std::string_view text) {
  return text.starts_with("s3://") || text.starts_with("file://");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace berth;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto manifest = platform::ParseManifest(text)) {
    Require(IsAddress(manifest->prefix) && !manifest->suffixes.empty());
    for (const std::string& suffix : manifest->suffixes) Require(!suffix.empty());
  } else {
    Require(!FirstInvalidUtf8(manifest.error().message()));
  }
  const std::vector<std::string> attributes{"source-ref", "class"};
  if (const auto lines = platform::ParseAugmentedManifest(text, attributes)) {
    Require(!lines->empty());
    for (const auto& parts : *lines) {
      Require(parts.size() == attributes.size());
      Require(parts[0].reference && IsAddress(parts[0].text) && !parts[1].reference);
    }
  } else {
    Require(!FirstInvalidUtf8(lines.error().message()));
  }
  return 0;
}
