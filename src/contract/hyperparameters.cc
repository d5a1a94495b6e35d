#include "contract/hyperparameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "contract/python_text.h"
#include "core/text.h"

namespace berth::contract {
namespace {

constexpr std::string_view kPrefix = "sagemaker_";

/// Section 1 of docs/contract.md.
constexpr std::array<std::string_view, 9> kReserved = {
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "default_user_module_name",
    "_tuning_objective_metric",
    "sagemaker_s3_output",
};

}  // namespace

json::Value DecodeHyperparameter(const json::Value& value) {
  const std::string* text = value.AsString();
  if (text == nullptr) return value;
  Result<json::Value> decoded = json::ParseDecoded(*text);
  return decoded ? *std::move(decoded) : value;
}

std::string PlaceOfHyperparameter(std::string_view name) {
  return "hyperparameter " + QuotedName(name);
}

std::string ArgumentText(const json::Value& value) {
  if (value.IsNull()) return "";
  const json::Object* object = value.AsObject();
  if (object == nullptr) return PythonStr(value);
  std::string text;
  for (const json::Object::Member* member : object->Sorted()) {
    if (!text.empty()) text += ',';
    text += member->first + '=' + PythonStr(member->second);
  }
  return text;
}

Result<Hyperparameters> ReadHyperparameters(const ConfigFile& file) {
  BERTH_ASSIGN(const json::Object all, ReadObject(file, "the job's hyperparameters"));
  std::vector<json::Object::Member> user, framework, reserved;
  for (const auto& [name, raw] : all) {
    json::Value value = DecodeHyperparameter(raw);
    if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end()) {
      reserved.emplace_back(name, std::move(value));
    } else if (name.starts_with(kPrefix)) {
      framework.emplace_back(name, std::move(value));
    } else {
      BERTH_TRY(CheckPassable(name, file.path, "the name of " + PlaceOfHyperparameter(name)));
      BERTH_TRY(CheckPassable(ArgumentText(value), file.path, PlaceOfHyperparameter(name)));
      user.emplace_back(name, std::move(value));
    }
  }
  return Hyperparameters{json::Object::FromMembers(std::move(user)),
                         json::Object::FromMembers(std::move(framework)),
                         json::Object::FromMembers(std::move(reserved))};
}

Result<std::optional<std::string>> ReservedText(const Hyperparameters& all, std::string_view name,
                                                const std::string& path) {
  const json::Value* value = all.reserved.Find(name);
  if (value == nullptr || value->IsNull()) return std::optional<std::string>();
  std::string text = PythonStr(*value);
  BERTH_TRY(CheckPassable(text, path, PlaceOfHyperparameter(name)));
  return std::optional(std::move(text));
}

}  // namespace berth::contract
