// Any bytes either fail to parse with a message that says where, or become a value that each
// writer writes so that it reads back as the same value.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/json.h"
#include "core/text.h"

using berth::json::Value;

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

/// Objects are equal with their members in one order, so the sorted text is compared as text.
void RequireSameAgain(const Value& value) {
  const auto in_order = berth::json::Parse(berth::json::DumpPython(value));
  Require(in_order && *in_order == value);
  const std::string sorted = berth::json::Dump(value);
  const auto again = berth::json::Parse(sorted);
  Require(again && berth::json::Dump(*again) == sorted);
  const std::string pretty = berth::json::DumpPretty(value);
  Require(!berth::FirstInvalidUtf8(pretty) && berth::json::Parse(pretty));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = berth::json::Parse(text);
  if (value) {
    RequireSameAgain(*value);
  } else {
    Require(value.error().message().starts_with("line "));
    Require(!berth::FirstInvalidUtf8(value.error().message()));
  }
  // A text that was a JSON string may hold what is no UTF-8.
  if (const auto decoded = berth::json::ParseDecoded(text); decoded && value) {
    Require(*decoded == *value);
  }
  return 0;
}
