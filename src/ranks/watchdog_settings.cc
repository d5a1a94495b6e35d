// The watchdog's settings, from variables and hyperparameters.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include "core/text.h"
#include "ranks/regex.h"
#include "ranks/watchdog.h"

namespace berth::ranks {
namespace {

constexpr std::string_view kVariablePrefix = "BERTH_WATCHDOG_";
constexpr std::string_view kParameterPrefix = "sagemaker_watchdog_";
constexpr double kMostSeconds = 1e9;
constexpr int kMostRestarts = 1'000'000;

/// One setting as the user gave it.
struct Setting {
  /// As he knows it: the variable's or the hyperparameter's name.
  std::string name;
  std::string value;

  bool set() const { return !value.empty(); }
  std::unexpected<Error> Wrong(std::string_view what) const {
    return Fail(fmt::format("{}: {} {}", name, Quoted(value), what));
  }
};

std::string Text(const json::Value& value) {
  const std::string* text = value.AsString();
  return text != nullptr ? *text : json::Dump(value);
}

Setting Find(const process::Variables& variables, const json::Object& parameters,
             const std::string& variable, const std::string& parameter) {
  const auto found = variables.find(variable);
  if (found != variables.end() && !found->second.empty()) return {variable, found->second};
  const json::Value* value = parameters.Find(parameter);
  return {parameter, value != nullptr ? Text(*value) : ""};
}

Result<std::optional<double>> Number(const Setting& setting) {
  if (!setting.set()) return std::optional<double>();
  const auto value = ParseNumber(setting.value);
  if (!value || !std::isfinite(*value)) return setting.Wrong("is not a number");
  return value;
}

Result<std::optional<std::chrono::milliseconds>> Seconds(const Setting& setting) {
  BERTH_ASSIGN(const auto value, Number(setting));
  if (!value) return std::optional<std::chrono::milliseconds>();
  if (*value < 0.001 || *value > kMostSeconds) {
    return setting.Wrong("is not a number of seconds above 0");
  }
  return std::chrono::milliseconds(std::llround(*value * 1000));
}

constexpr std::array kNames = {"silence_seconds", "regex", "min", "max", "value_seconds"};

std::string Upper(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return upper;
}

Result<void> CheckName(const std::string& name, std::string_view prefix, bool upper) {
  if (!name.starts_with(prefix)) return {};
  std::vector<std::string> known;
  known.reserve(std::size(kNames));
  for (const char* each : kNames) {
    known.push_back(std::string(prefix) + (upper ? Upper(each) : std::string(each)));
  }
  if (std::ranges::find(known, name) != known.end()) return {};
  const auto nearest = Nearest(name, known);
  return Fail(fmt::format("{} is no setting of the watchdog; {}", name,
                          nearest ? fmt::format("did you mean {}?", *nearest)
                                  : fmt::format("there are {}", Join(known, ", "))));
}

}  // namespace

Result<WatchdogSettings> ReadWatchdogSettings(const process::Variables& variables,
                                              const json::Object& parameters) {
  for (const auto& [name, value] : variables) BERTH_TRY(CheckName(name, kVariablePrefix, true));
  for (const auto& [name, value] : parameters) BERTH_TRY(CheckName(name, kParameterPrefix, false));
  const auto find = [&](const char* name) {
    return Find(variables, parameters, std::string(kVariablePrefix) + Upper(name),
                std::string(kParameterPrefix) + name);
  };
  WatchdogSettings settings;
  BERTH_ASSIGN(settings.silence, Seconds(find("silence_seconds")));
  const Setting regex = find("regex");
  settings.regex = regex.value;
  if (regex.set()) {
    if (const std::string fault = RegexFault(regex.value); !fault.empty()) {
      return regex.Wrong(fault);
    }
  }
  const Setting min = find("min");
  const Setting max = find("max");
  const Setting value_seconds = find("value_seconds");
  for (const Setting& setting : {min, max, value_seconds}) {
    if (setting.set() && !regex.set()) {
      return setting.Wrong(
          fmt::format("says nothing without {}, which finds the value", regex.name));
    }
  }
  BERTH_ASSIGN(settings.min, Number(min));
  BERTH_ASSIGN(settings.max, Number(max));
  BERTH_ASSIGN(settings.value_silence, Seconds(value_seconds));
  if (settings.min && settings.max && *settings.min > *settings.max) {
    return min.Wrong(fmt::format("is above {}, {}", max.name, Quoted(max.value)));
  }
  return settings;
}

Result<int> ReadMaxRestarts(const process::Variables& variables, const json::Object& parameters) {
  const Setting setting =
      Find(variables, parameters, "BERTH_MAX_RESTARTS", "sagemaker_max_restarts");
  if (!setting.set()) return 0;
  const std::string_view text = Trim(setting.value);
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 ||
      value > kMostRestarts) {
    return setting.Wrong("is not a number of restarts (0, 1, 2 …)");
  }
  return value;
}

}  // namespace berth::ranks
