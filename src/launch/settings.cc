#include "launch/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "contract/python_text.h"
#include "core/json.h"
#include "core/text.h"

namespace berth::launch {
namespace {

const json::Value* Find(const contract::TrainingEnvironment& environment, std::string_view name) {
  const json::Value* value = environment.framework_parameters.Find(name);
  return value == nullptr || value->IsNull() ? nullptr : value;
}

std::unexpected<Error> FailSetting(std::string_view name, const json::Value& value,
                                   std::string_view expected) {
  return Fail(fmt::format("hyperparameter {} is {}: expected {}", name,
                          ToValidUtf8(json::DumpPython(value), 200), expected));
}

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

/// One word from `text` on; returns where it ends.
Result<size_t> TakeWord(std::string_view text, size_t i, std::string* word) {
  constexpr std::string_view kBlank = " \t\r\n";
  while (i < text.size() && !kBlank.contains(text[i])) {
    const char c = text[i++];
    if (c == '\\') {
      if (i == text.size()) return Fail("it ends with a backslash");
      *word += text[i++];
    } else if (c == '\'') {
      const size_t end = text.find('\'', i);
      if (end == std::string_view::npos) return Fail("a ' is not closed");
      *word += text.substr(i, end - i);
      i = end + 1;
    } else if (c == '"') {
      while (i < text.size() && text[i] != '"') {
        const bool escapes =
            text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\');
        if (escapes) ++i;
        *word += text[i++];
      }
      if (i == text.size()) return Fail("a \" is not closed");
      ++i;
    } else {
      *word += c;
    }
  }
  return i;
}

}  // namespace

Result<bool> SwitchedOn(const contract::TrainingEnvironment& environment, std::string_view name) {
  const json::Value* value = Find(environment, name);
  if (value == nullptr) return false;
  const std::string* text = value->AsString();
  if (text == nullptr) return contract::PythonBool(*value);
  const std::string word = Lower(*text);
  if (word == "true") return true;
  if (word == "false" || word.empty()) return false;
  return FailSetting(name, *value, "true or false");
}

Result<std::optional<int>> PositiveNumber(const contract::TrainingEnvironment& environment,
                                          std::string_view name) {
  const json::Value* value = Find(environment, name);
  if (value == nullptr) return std::nullopt;
  if (const json::Integer* integer = value->AsInteger()) {
    int number = 0;
    const char* end = integer->digits.data() + integer->digits.size();
    const auto [stop, error] = std::from_chars(integer->digits.data(), end, number);
    if (error == std::errc() && stop == end && number >= 1) return number;
  }
  return FailSetting(name, *value, "a whole number of at least 1");
}

Result<std::optional<std::string>> Text(const contract::TrainingEnvironment& environment,
                                        std::string_view name) {
  const json::Value* value = Find(environment, name);
  if (value == nullptr) return std::nullopt;
  const std::string* text = value->AsString();
  if (text == nullptr) return FailSetting(name, *value, "text");
  if (text->empty()) return std::nullopt;
  return *text;
}

Result<std::vector<std::string>> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  size_t i = 0;
  for (;;) {
    i = text.find_first_not_of(" \t\r\n", i);
    if (i == std::string_view::npos) return words;
    std::string word;
    BERTH_ASSIGN(i, TakeWord(text, i, &word));
    words.push_back(std::move(word));
  }
}

Result<std::vector<std::string>> Words(const contract::TrainingEnvironment& environment,
                                       std::string_view name) {
  const json::Value* value = Find(environment, name);
  if (value == nullptr) return std::vector<std::string>();
  std::vector<std::string> words;
  if (const json::Array* array = value->AsArray()) {
    for (const json::Value& element : *array) {
      const bool scalar = element.AsArray() == nullptr && element.AsObject() == nullptr;
      if (!scalar || element.IsNull()) return FailSetting(name, *value, "an array of texts");
      words.push_back(contract::PythonStr(element));
    }
  } else if (const std::string* text = value->AsString()) {
    auto split = SplitWords(*text);
    if (!split)
      return FailSetting(name, *value, "options as in a shell, but " + split.error().message());
    words = *std::move(split);
  } else {
    return FailSetting(name, *value, "options as text (\"-x A=B --mca a b\")");
  }
  for (const std::string& word : words) {
    if (word.contains('\0')) return FailSetting(name, *value, "text without NUL");
  }
  return words;
}

Result<int> ProcessesPerHost(const contract::TrainingEnvironment& environment) {
  BERTH_ASSIGN(const std::optional<int> number,
               PositiveNumber(environment, "sagemaker_mpi_num_of_processes_per_host"));
  if (number) return *number;
  if (environment.gpus > 0) return environment.gpus;
  return std::max(environment.neurons, 1);
}

std::string Variable(const process::Variables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string() : found->second;
}

}  // namespace berth::launch
