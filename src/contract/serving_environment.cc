#include "contract/serving_environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/text.h"

namespace berth::contract {
namespace {

using Variables = std::map<std::string, std::string>;

const std::string* Find(const Variables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() || found->second.empty() ? nullptr : &found->second;
}

std::unexpected<Error> Refuse(std::string_view name, std::string_view expected,
                              std::string_view found) {
  return Fail(fmt::format("cannot use the variable {}: expected {}, found {}", name, expected,
                          Quoted(ToValidUtf8(found, 80))));
}

// Writes `target` where the variable is set.
template <typename Target>
Result<void> ReadNumber(const Variables& variables, const std::string& name, long long least,
                        long long most, Target& target) {
  const std::string* text = Find(variables, name);
  if (text == nullptr) return {};
  const std::string_view digits = Trim(*text);
  long long value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || value < least ||
      value > most) {
    return Refuse(name, fmt::format("a whole number from {} to {}", least, most), *text);
  }
  target = Target(static_cast<int>(value));
  return {};
}

Result<void> ReadFlag(const Variables& variables, const std::string& name, bool& target) {
  const std::string* text = Find(variables, name);
  if (text == nullptr) return {};
  std::string lower = *text;
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (lower == "true" || lower == "1") {
    target = true;
  } else if (lower == "false" || lower == "0") {
    target = false;
  } else {
    return Refuse(name, "true or false", *text);
  }
  return {};
}

void ReadText(const Variables& variables, const std::string& name, std::string& target) {
  if (const std::string* text = Find(variables, name)) target = *text;
}

/// A path below the code directory, without "./" before it.
Result<void> ReadProgram(const Variables& variables, std::string& program) {
  ReadText(variables, "SAGEMAKER_PROGRAM", program);
  while (program.starts_with("./")) program.erase(0, 2);
  const std::vector<std::string> parts = Split(program, '/');
  if (program.empty() || program.starts_with('/') ||
      std::ranges::find(parts, "..") != parts.end()) {
    return Refuse("SAGEMAKER_PROGRAM", "the handler's file, relative to the code directory",
                  program);
  }
  return {};
}

/// Types that an Accept may have: each "type/subtype", none with a pattern.
Result<void> ReadAccept(const Variables& variables, std::string& accept) {
  ReadText(variables, "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", accept);
  const bool printable =
      std::ranges::all_of(accept, [](char c) { return c >= ' ' && c < '\x7f' && c != '*'; });
  if (!printable || accept.find('/') == std::string::npos) {
    return Refuse("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "a type like application/json", accept);
  }
  return {};
}

Result<void> ReadStrategy(const Variables& variables, std::string& strategy) {
  ReadText(variables, "SAGEMAKER_BATCH_STRATEGY", strategy);
  for (const char* known : {"MULTI_RECORD", "SINGLE_RECORD", "MultiRecord", "SingleRecord"}) {
    if (strategy == known) return {};
  }
  return Refuse("SAGEMAKER_BATCH_STRATEGY", "MULTI_RECORD or SINGLE_RECORD", strategy);
}

constexpr long long kDay = 86'400;

Result<void> ReadTimes(const Variables& variables, ServingEnvironment& environment) {
  BERTH_TRY(ReadNumber(variables, "SAGEMAKER_MODEL_SERVER_TIMEOUT", 1, kDay, environment.timeout));
  BERTH_TRY(ReadNumber(variables, "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS", 1, kDay,
                       environment.timeout));
  BERTH_TRY(
      ReadNumber(variables, "SAGEMAKER_STARTUP_TIMEOUT", 1, kDay, environment.startup_timeout));
  return ReadNumber(variables, "BERTH_DRAIN_SECONDS", 0, 3600, environment.drain);
}

Result<void> ReadApplication(const Variables& variables, ServingEnvironment& environment) {
  ReadText(variables, "SAGEMAKER_SERVING_MODULE", environment.application);
  const std::string& application = environment.application;
  const size_t colon = application.find(':');
  if (!application.empty() &&
      (colon == std::string::npos || colon == 0 || colon + 1 == application.size())) {
    return Refuse("SAGEMAKER_SERVING_MODULE", "\"module:application\"", application);
  }
  return {};
}

}  // namespace

Result<ServingEnvironment> ReadServingEnvironment(const Layout& layout,
                                                  const Variables& variables) {
  ServingEnvironment environment;
  environment.layout = layout;
  BERTH_TRY(ReadProgram(variables, environment.program));
  ReadText(variables, "SAGEMAKER_SUBMIT_DIRECTORY", environment.submit_directory);
  BERTH_TRY(ReadAccept(variables, environment.default_accept));
  BERTH_TRY(ReadApplication(variables, environment));
  BERTH_TRY(ReadNumber(variables, "SAGEMAKER_BIND_TO_PORT", 0, 65'535, environment.port));
  BERTH_TRY(ReadNumber(variables, "SAGEMAKER_MODEL_SERVER_WORKERS", 1, 1024, environment.workers));
  BERTH_TRY(ReadTimes(variables, environment));
  int payload = 0;
  BERTH_TRY(ReadNumber(variables, "SAGEMAKER_MAX_PAYLOAD_IN_MB", 1, 16'384, payload));
  if (payload > 0) {
    environment.max_payload = static_cast<uint64_t>(payload) << 20;
    environment.execution_payload_mb = payload;
  }
  BERTH_TRY(ReadNumber(variables, "BERTH_QUEUE_LENGTH", 1, 65'536, environment.queue_length));
  BERTH_TRY(ReadNumber(variables, "BERTH_READY_FD", 3, 1'000'000, environment.ready_fd));
  BERTH_TRY(ReadNumber(variables, "SAGEMAKER_CONTAINER_LOG_LEVEL", 0, 1000, environment.log_level));
  BERTH_TRY(ReadFlag(variables, "BERTH_ALLOW_PICKLED_ARRAYS", environment.allow_pickle));
  BERTH_TRY(ReadFlag(variables, "BERTH_FORK_WORKERS", environment.fork_workers));
  BERTH_TRY(ReadNumber(variables, "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", 1, 65'536,
                       environment.max_concurrent_transforms));
  BERTH_TRY(ReadStrategy(variables, environment.batch_strategy));
  std::string format = "text";
  ReadText(variables, "BERTH_LOG_FORMAT", format);
  if (format != "text" && format != "json") {
    return Refuse("BERTH_LOG_FORMAT", "text or json", format);
  }
  environment.json_log = format == "json";
  return environment;
}

}  // namespace berth::contract
