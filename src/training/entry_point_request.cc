// The JSON of a request, checked member by member.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/text.h"
#include "core/wtf8.h"
#include "training/entry_point.h"

namespace berth::training {
namespace {

using Only = EntryPointRequest::Only;
using Kind = usercode::EntryPointKind;
using json::Value;

constexpr std::array kOnly = std::to_array<std::pair<std::string_view, Only>>({
    {"fetch", Only::kFetch},
    {"install", Only::kInstall},
    {"download", Only::kDownload},
    {"sync", Only::kSync},
});

constexpr std::array kKinds = std::to_array<std::pair<std::string_view, Kind>>({
    {"package", Kind::kPythonPackage},
    {"requirements", Kind::kPythonScript},
});

constexpr std::array<std::string_view, 5> kRunners = {"process", "mpi", "torch_distributed",
                                                      "smddp", "pytorch_xla"};

std::unexpected<Error> FailMember(std::string_view place, std::string_view expected,
                                  const Value& found) {
  return Fail(fmt::format("request member {}: expected {}, found {}", Quoted(place), expected,
                          found.TypeName()));
}

/// A text as the system's bytes; it must be one that a process can be given.
Result<std::string> Text(std::string_view place, const Value& value) {
  const std::string* text = value.AsString();
  if (text == nullptr) return FailMember(place, "a string", value);
  if (text->contains('\0'))
    return Fail(fmt::format("request member {} holds a NUL", Quoted(place)));
  return EncodeForSystem(*text);
}

Result<std::vector<std::string>> Texts(std::string_view place, const Value& value) {
  const json::Array* array = value.AsArray();
  if (array == nullptr) return FailMember(place, "an array of strings", value);
  std::vector<std::string> texts;
  texts.reserve(array->size());
  for (const Value& element : *array) {
    BERTH_ASSIGN(std::string text, Text(place, element));
    texts.push_back(std::move(text));
  }
  return texts;
}

Result<process::Variables> ReadVariables(std::string_view place, const Value& value) {
  const json::Object* object = value.AsObject();
  if (object == nullptr) return FailMember(place, "an object of strings", value);
  process::Variables variables;
  for (const auto& [name, member] : *object) {
    BERTH_ASSIGN(std::string text, Text(fmt::format("{}.{}", place, name), member));
    if (name.empty() || name.contains('=') || name.contains('\0')) {
      return Fail(fmt::format("request member {}: {} cannot be the name of a variable",
                              Quoted(place), Quoted(name)));
    }
    variables.insert_or_assign(EncodeForSystem(name), std::move(text));
  }
  return variables;
}

/// One of a list of words.
template <typename Table>
auto Choice(std::string_view place, const Value& value, const Table& table)
    -> Result<decltype(table.begin()->second)> {
  BERTH_ASSIGN(const std::string word, Text(place, value));
  std::vector<std::string> words;
  for (const auto& [name, meaning] : table) {
    if (name == word) return meaning;
    words.emplace_back(name);
  }
  return Fail(fmt::format("request member {} is {}: expected one of {}", Quoted(place),
                          Quoted(word), Join(words, ", ")));
}

Result<std::string> Runner(std::string_view place, const Value& value) {
  BERTH_ASSIGN(std::string word, Text(place, value));
  if (std::ranges::find(kRunners, word) != kRunners.end()) return word;
  return Fail(fmt::format("request member {} is {}: expected one of {}", Quoted(place),
                          Quoted(word), fmt::join(kRunners, ", ")));
}

/// Sets what `name` says in `request`.
Result<void> ReadMember(std::string_view name, const Value& value, EntryPointRequest& request) {
  const std::array texts = std::to_array<std::pair<std::string_view, std::string*>>({
      {"uri", &request.uri},
      {"destination", &request.destination},
      {"code_directory", &request.code_directory},
      {"user_entry_point", &request.user_entry_point},
      {"python", &request.python},
  });
  for (const auto& [known, target] : texts) {
    if (known != name) continue;
    BERTH_ASSIGN(*target, Text(name, value));
    return {};
  }
  if (name == "only") {
    BERTH_ASSIGN(request.only, Choice(name, value, kOnly));
  } else if (name == "kind") {
    BERTH_ASSIGN(request.kind, Choice(name, value, kKinds));
  } else if (name == "runner") {
    BERTH_ASSIGN(request.runner, Runner(name, value));
  } else if (name == "command") {
    BERTH_ASSIGN(request.command, Texts(name, value));
  } else if (name == "arguments") {
    BERTH_ASSIGN(request.arguments, Texts(name, value));
  } else if (name == "variables") {
    BERTH_ASSIGN(request.variables, ReadVariables(name, value));
  } else if (name == "extra") {
    const json::Object* extra = value.AsObject();
    if (extra == nullptr) return FailMember(name, "an object", value);
    request.extra = *extra;
  } else if (name == "install" || name == "quiet") {
    const bool* yes = value.AsBool();
    if (yes == nullptr) return FailMember(name, "true or false", value);
    (name == "install" ? request.install : request.quiet) = *yes;
  } else {
    return Fail(fmt::format("the request has no member {}", Quoted(name)));
  }
  return {};
}

Result<void> CheckTogether(const EntryPointRequest& request) {
  const auto needs = [](std::string_view what, std::string_view member) {
    return Fail(fmt::format("the request is {}, and has no member \"{}\"", what, member));
  };
  switch (request.only) {
    case Only::kFetch:
      if (request.uri.empty()) return needs("to fetch code", "uri");
      break;
    case Only::kDownload:
      if (request.uri.empty()) return needs("to download", "uri");
      if (request.destination.empty()) return needs("to download", "destination");
      break;
    case Only::kSync:
      if (request.uri.empty()) return needs("to upload", "uri");
      break;
    case Only::kInstall:
      break;
    case Only::kEverything:
      if (!request.command.empty()) {
        if (request.user_entry_point.empty()) break;
        return Fail("the request has both \"command\" and \"user_entry_point\": it can run one");
      }
      if (request.user_entry_point.empty()) return needs("to run a script", "user_entry_point");
      if (!request.runner) return needs("to run a script", "runner");
      break;
  }
  return {};
}

}  // namespace

Result<EntryPointRequest> ParseEntryPointRequest(std::string_view text) {
  auto parsed = json::Parse(text);
  if (!parsed) return Fail(parsed.error().Within("the request is no JSON"));
  const json::Object* object = parsed->AsObject();
  if (object == nullptr) {
    return Fail(fmt::format("the request is {}: expected a JSON object", parsed->TypeName()));
  }
  EntryPointRequest request;
  for (const auto& [name, value] : *object) {
    if (!value.IsNull()) BERTH_TRY(ReadMember(name, value, request));
  }
  BERTH_TRY(CheckTogether(request));
  return request;
}

}  // namespace berth::training
