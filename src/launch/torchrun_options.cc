#include "launch/torchrun_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/text.h"

namespace berth::launch {
namespace {

/// Options without a value; all others have one.
constexpr std::array<std::string_view, 2> kFlags = {"standalone", "virtual_local_rank"};

/// torchrun's short options.
std::string LongName(std::string name) {
  std::ranges::replace(name, '-', '_');
  if (name == "m") return "module";
  if (name == "r") return "redirects";
  if (name == "t") return "tee";
  return name;
}

}  // namespace

Result<TorchrunOptions> TorchrunOptions::Parse(const std::vector<std::string>& words,
                                               const process::Variables& variables,
                                               std::string_view setting) {
  TorchrunOptions options;
  for (const auto& [name, value] : variables) {
    if (!name.starts_with("PET_") || value.empty()) continue;
    std::string option = name.substr(4);
    std::ranges::transform(option, option.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    options.variables_[option] = value;
  }
  for (size_t i = 0; i < words.size();) {
    const std::string& word = words[i++];
    const bool option = word.size() > 1 && word[0] == '-';
    if (!option) {
      return Fail(
          fmt::format("{}: {} is neither an option nor an option's value, so torchrun would "
                      "take it for the program to run",
                      setting, Quoted(word)));
    }
    const size_t equals = word.find('=');
    const size_t dashes = word.starts_with("--") ? 2 : 1;
    const std::string name = LongName(word.substr(dashes, equals - dashes));
    if (name == "module" || name == "no_python") {
      options.module_ = options.module_ || name == "module";
      continue;
    }
    if (name == "run_path") {
      return Fail(
          fmt::format("{}: {} has no place here: the entry point is run as a file, or with "
                      "-m as a module",
                      setting, Quoted(word)));
    }
    options.Drop(name);
    Given given{.value = {}, .first = options.words_.size(), .count = 1};
    options.words_.push_back(word);
    if (equals != std::string::npos) {
      given.value = word.substr(equals + 1);
    } else if (std::ranges::find(kFlags, name) == kFlags.end()) {
      if (i == words.size()) {
        return Fail(fmt::format("{}: {} needs a value after it", setting, Quoted(word)));
      }
      given.value = words[i];
      given.count = 2;
      options.words_.push_back(words[i++]);
    }
    options.given_[name] = std::move(given);
  }
  return options;
}

std::optional<std::string> TorchrunOptions::ValueOf(const std::string& name) const {
  if (const auto found = given_.find(name); found != given_.end()) return found->second.value;
  if (const auto found = variables_.find(name); found != variables_.end()) return found->second;
  return std::nullopt;
}

void TorchrunOptions::Drop(const std::string& name) {
  const auto found = given_.find(name);
  if (found == given_.end()) return;
  const Given gone = found->second;
  given_.erase(found);
  const auto begin = words_.begin() + static_cast<ptrdiff_t>(gone.first);
  words_.erase(begin, begin + static_cast<ptrdiff_t>(gone.count));
  for (auto& [other, given] : given_) {
    if (given.first > gone.first) given.first -= gone.count;
  }
}

}  // namespace berth::launch
