// The script's arguments. Texts are made in Python's strings first, since SM_USER_ARGS wants them
// so, and become bytes last.
#include "contract/arguments.h"

#include "contract/hyperparameters.h"
#include "core/wtf8.h"

namespace berth::contract {

std::vector<std::string> ArgumentTexts(const json::Object& hyperparameters) {
  std::vector<std::string> texts;
  texts.reserve(2 * hyperparameters.size());
  for (const json::Object::Member* member : hyperparameters.Sorted()) {
    const std::string& name = member->first;
    // An empty name becomes an empty argument, with no dash.
    texts.push_back(name.empty() ? "" : (Wtf8Length(name) > 1 ? "--" : "-") + name);
    texts.push_back(ArgumentText(member->second));
  }
  return texts;
}

std::vector<std::string> ToArguments(const TrainingEnvironment& environment) {
  std::vector<std::string> arguments = ArgumentTexts(environment.hyperparameters);
  for (std::string& argument : arguments) argument = EncodeForSystem(argument);
  return arguments;
}

std::string TextV3(const json::Value& value) {
  const std::string* text = value.AsString();
  return text != nullptr ? *text : json::DumpPython(value);
}

std::vector<std::string> ToArgumentsV3(const TrainingEnvironment& environment) {
  std::vector<std::string> arguments;
  arguments.reserve(2 * environment.hyperparameters.size());
  for (const auto& [name, value] : environment.hyperparameters) {
    arguments.push_back(EncodeForSystem("--" + name));
    arguments.push_back(EncodeForSystem(TextV3(value)));
  }
  return arguments;
}

}  // namespace berth::contract
