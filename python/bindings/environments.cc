// The container contract: what a job and a server are told.
#include <fmt/format.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bindings.h"
#include "contract/arguments.h"
#include "contract/serving_environment.h"
#include "contract/training_environment.h"
#include "core/files.h"
#include "errors.h"
#include "text.h"

namespace berth::python {

namespace nb = nanobind;

namespace {

/// As `train` has it (training/environment.cc).
constexpr size_t kConfigLimit = size_t{16} << 20;

contract::ConfigFile ReadConfig(const std::string& path) {
  auto bytes = ReadFile(path, kConfigLimit);
  if (!bytes && bytes.error().system_error() != 0) {
    return {path, Fail(std::strerror(bytes.error().system_error()), bytes.error().system_error())};
  }
  return {path, std::move(bytes)};
}

/// The file at `path`, or `text` in its place where that is not None.
contract::ConfigFile Config(const std::string& path, nb::handle text) {
  if (text.is_none()) return ReadConfig(path);
  return {path, std::string(Input(text).text())};
}

contract::Variables VariablesOf(nb::handle mapping) {
  contract::Variables variables;
  for (const nb::handle item : mapping.attr("items")()) {
    const nb::object pair = nb::borrow(item);
    variables.insert_or_assign(SystemBytes(nb::object(pair[0])), SystemBytes(nb::object(pair[1])));
  }
  return variables;
}

nb::list ListOf(const std::vector<std::string>& words) {
  nb::list list;
  for (const std::string& word : words) list.append(SystemStr(word));
  return list;
}

nb::object TextOrNone(const std::string& bytes) {
  if (bytes.empty()) return nb::none();
  return SystemStr(bytes);
}

int AllCpus() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

nb::object TrainingEnvironment(nb::handle base_dir, nb::handle variables, std::optional<int> cpus,
                               std::optional<int> gpus, std::optional<int> neurons,
                               bool smddprun_installed, bool smddpmprun_installed,
                               nb::handle hyperparameters, nb::handle input_data_config,
                               nb::handle resource_config) {
  const contract::Layout layout = contract::Layout::Under(SystemBytes(base_dir));
  contract::Inputs inputs{
      .layout = layout,
      .hyperparameters = Config(layout.hyperparameters_file, hyperparameters),
      .input_data_config = Config(layout.input_data_config_file, input_data_config),
      .resource_config = Config(layout.resource_config_file, resource_config),
      .variables = VariablesOf(variables),
      .cpus = cpus ? *cpus : AllCpus(),
      .gpus = gpus.value_or(0),
      .neurons = neurons.value_or(0),
      .smddprun_installed = smddprun_installed,
      .smddpmprun_installed = smddpmprun_installed,
  };
  const contract::TrainingEnvironment environment =
      Unwrap(contract::ReadTrainingEnvironment(inputs));
  nb::object properties = ObjectOf(contract::ToProperties(environment));
  nb::dict exported;
  for (const auto& [name, value] : contract::ToVariables(environment)) {
    exported[SystemStr(name)] = SystemStr(value);
  }
  properties["variables"] = exported;
  properties["arguments"] = ListOf(contract::ToArguments(environment));
  properties["sagemaker_s3_output"] = TextOrNone(environment.s3_output);
  return properties;
}

nb::dict ServingEnvironment(nb::handle variables) {
  const contract::Variables known = VariablesOf(variables);
  const auto base = known.find("SAGEMAKER_BASE_DIR");
  const contract::Layout layout = contract::Layout::Under(
      base == known.end() || base->second.empty() ? contract::kDefaultBase : base->second);
  const contract::ServingEnvironment e = Unwrap(contract::ReadServingEnvironment(layout, known));
  nb::dict found;
  found["model_dir"] = SystemStr(e.layout.model);
  found["code_dir"] = SystemStr(e.layout.code);
  found["program"] = SystemStr(e.program);
  found["submit_directory"] = TextOrNone(e.submit_directory);
  found["application"] = TextOrNone(e.application);
  found["port"] = e.port;
  found["workers"] = e.workers ? nb::object(nb::int_(*e.workers)) : nb::none();
  found["timeout"] = e.timeout.count();
  found["startup_timeout"] = e.startup_timeout.count();
  found["default_accept"] = SystemStr(e.default_accept);
  found["max_payload"] = e.max_payload;
  found["queue_length"] = e.queue_length;
  found["log_level"] = e.log_level;
  return found;
}

nb::list ToArguments(nb::handle mapping_as_json) {
  const Input input(mapping_as_json);
  const json::Value value = Unwrap(json::ParseDecoded(input.text()));
  const json::Object* object = value.AsObject();
  if (object == nullptr) {
    throw nb::value_error(
        fmt::format("expected a JSON object, found {}", value.TypeName()).c_str());
  }
  nb::list arguments;
  for (const std::string& text : contract::ArgumentTexts(*object)) arguments.append(StrOf(text));
  return arguments;
}

}  // namespace

void AddEnvironments(nb::module_& module) {
  module.def(
      "training_environment", &TrainingEnvironment, nb::arg("base_dir").none(),
      nb::arg("variables").none(), nb::kw_only(), nb::arg("cpus") = nb::none(),
      nb::arg("gpus") = nb::none(), nb::arg("neurons") = nb::none(),
      nb::arg("smddprun_installed") = false, nb::arg("smddpmprun_installed") = false,
      nb::arg("hyperparameters") = nb::none(), nb::arg("input_data_config") = nb::none(),
      nb::arg("resource_config") = nb::none(),
      nb::sig(
          "def training_environment(base_dir: str | os.PathLike[str], "
          "variables: collections.abc.Mapping[str, str], *, cpus: int | None = None, "
          "gpus: int | None = None, neurons: int | None = None, smddprun_installed: bool = False, "
          "smddpmprun_installed: bool = False, hyperparameters: str | bytes | None = None, "
          "input_data_config: str | bytes | None = None, resource_config: str | bytes | None = None"
          ") -> dict[str, typing.Any]"),
      R"(What the files under base_dir/input/config and `variables` say of a training job.

Every property of sagemaker_training's Environment by its name; "sagemaker_s3_output"; "variables":
all that the script gets beyond those of the process; "arguments": those of the script. The machine is
not asked: without `cpus` it is all that there are, without `gpus` and `neurons` none. The JSON texts
`hyperparameters`, `input_data_config` and `resource_config` take the place of the files of these names.

ValueError names the file, the place in it, what was expected and what was found; OSError where a file
cannot be read.)");
  module.def(
      "serving_environment", &ServingEnvironment, nb::arg("variables").none(),
      nb::sig("def serving_environment(variables: collections.abc.Mapping[str, str]) "
              "-> dict[str, typing.Any]"),
      R"(What `variables` tell `serve`, as docs/serving.md has it: model_dir, code_dir, program,
submit_directory and application (or None), port, workers (or None), timeout and startup_timeout in
seconds, default_accept, max_payload in bytes, queue_length, log_level.

ValueError names the variable, what was expected and what was found.)");
  module.def(
      "to_arguments", &ToArguments, nb::arg("mapping_as_json").none(),
      nb::sig("def to_arguments(mapping_as_json: str | bytes) -> list[str]"),
      R"(The arguments of a script for these hyperparameters, a JSON object: sorted, `--name value`
or `-n value`, values as str() has them.)");
}

}  // namespace berth::python
