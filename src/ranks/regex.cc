#include "ranks/regex.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/text.h"

namespace berth::ranks {
namespace {

constexpr int64_t kRegexMemory = int64_t{8} << 20;

}  // namespace

std::unique_ptr<RE2> CompileRegex(const std::string& regex) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemory);
  // Output may be anything: bytes that are not UTF-8 must not hide the rest of a line.
  const bool ascii = std::all_of(regex.begin(), regex.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) options.set_encoding(RE2::Options::EncodingLatin1);
  return std::make_unique<RE2>(regex, options);
}

std::string RegexFault(const std::string& regex) {
  const std::unique_ptr<RE2> compiled = CompileRegex(regex);
  if (!compiled->ok()) {
    return fmt::format("is not a regular expression that RE2 takes: {}", compiled->error());
  }
  if (compiled->NumberOfCapturingGroups() == 0) {
    return "has no group, as in \"loss=([0-9.]+)\", that catches the number";
  }
  return "";
}

std::optional<double> ParseNumber(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace berth::ranks
