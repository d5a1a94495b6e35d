#include "platform/validate.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <set>

#include "contract/layout.h"
#include "core/text.h"
#include "platform/checker.h"
#include "platform/metrics.h"
#include "platform/validate_hosts.h"
#include "storage/uri.h"

namespace berth::platform {
namespace {

using json::Array;
using json::Object;
using json::Value;

const std::vector<std::string>& KnownMembers() {
  static const std::vector<std::string> kNames = {"TrainingJobName",
                                                  "HyperParameters",
                                                  "AlgorithmSpecification",
                                                  "RoleArn",
                                                  "InputDataConfig",
                                                  "OutputDataConfig",
                                                  "ResourceConfig",
                                                  "VpcConfig",
                                                  "StoppingCondition",
                                                  "Tags",
                                                  "EnableNetworkIsolation",
                                                  "EnableInterContainerTrafficEncryption",
                                                  "EnableManagedSpotTraining",
                                                  "CheckpointConfig",
                                                  "DebugHookConfig",
                                                  "DebugRuleConfigurations",
                                                  "TensorBoardOutputConfig",
                                                  "ExperimentConfig",
                                                  "ProfilerConfig",
                                                  "ProfilerRuleConfigurations",
                                                  "Environment",
                                                  "RetryStrategy",
                                                  "RemoteDebugConfig",
                                                  "InfraCheckConfig",
                                                  "SessionChainingConfig",
                                                  "ServerlessJobConfig",
                                                  "MlflowConfig",
                                                  "ModelPackageConfig"};
  return kNames;
}

void CheckMembers(const Object& document, Checker& check) {
  for (const auto& [name, value] : document) {
    const auto& known = KnownMembers();
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::optional<std::string> nearest = Nearest(name, known);
    check.Warning(name, nearest ? fmt::format("CreateTrainingJob has no such member; did you "
                                              "mean \"{}\"?",
                                              *nearest)
                                : "CreateTrainingJob has no such member");
  }
}

void CheckName(const Object& document, Checker& check) {
  const std::string* name = check.RequiredText(document, "", "TrainingJobName", 63);
  if (name != nullptr && !RE2::FullMatch(*name, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")) {
    check.Problem("TrainingJobName",
                  fmt::format("\"{}\": may only hold letters, digits and, between them, '-'",
                              ToValidUtf8(*name)));
  }
}

void CheckMetrics(const Object& algorithm, const std::string& path, Checker& check) {
  const Array* metrics = check.Array(algorithm, path, "MetricDefinitions", 40);
  if (metrics == nullptr) return;
  check.EachObject(*metrics, path + ".MetricDefinitions",
                   [&](const Object& metric, const std::string& place) {
                     check.RequiredText(metric, place, "Name", 255);
                     const std::string* regex = check.RequiredText(metric, place, "Regex", 500);
                     if (regex == nullptr) return;
                     const std::string fault = RegexFault(*regex);
                     if (!fault.empty()) check.Problem(place + ".Regex", fault);
                   });
}

void CheckWords(const Object& algorithm, const std::string& path, std::string_view key,
                Checker& check) {
  const Array* words = check.Array(algorithm, path, key, 100, 1);
  if (words == nullptr) return;
  for (size_t i = 0; i < words->size(); ++i) {
    // Each word is looked at as the one member of an object: a word has the limits of a text.
    const std::string element = fmt::format("{}[{}]", key, i);
    check.Text(Object{{element, (*words)[i]}}, path, element, 256);
  }
}

void CheckAlgorithm(const Object& document, Checker& check) {
  const std::string path = "AlgorithmSpecification";
  const Object* algorithm = check.Object(document, "", path);
  if (algorithm == nullptr) return;
  check.OneOf(*algorithm, path, "TrainingInputMode", {"File", "FastFile", "Pipe"});
  CheckMetrics(*algorithm, path, check);
  CheckWords(*algorithm, path, "ContainerEntrypoint", check);
  CheckWords(*algorithm, path, "ContainerArguments", check);
  if (algorithm->Contains("ContainerArguments") && !algorithm->Contains("ContainerEntrypoint")) {
    check.Problem(path + ".ContainerArguments",
                  "needs a ContainerEntrypoint here: there is no image that has one");
  }
  if (algorithm->Contains("TrainingImage")) {
    check.Warning(path + ".TrainingImage", "no image is used here: the job runs on this machine");
  }
}

/// s3:// (well-formed) or a place of this machine.
void CheckUri(const std::string& uri, const std::string& place, Checker& check) {
  if (storage::IsS3(uri)) {
    const auto parsed = storage::ParseS3Uri(uri);
    if (!parsed) check.Problem(place, parsed.error().message());
  } else if (!LocalPath(uri, "/")) {
    check.Problem(place,
                  fmt::format("\"{}\": must be s3://bucket/prefix or a folder of this machine "
                              "(file:///folder)",
                              ToValidUtf8(uri)));
  }
}

/// What only some kinds of data and input modes take.
void CheckAttributes(const Object& source, const std::string& place, std::string_view mode,
                     Checker& check) {
  const Array* attributes = check.Array(source, place, "AttributeNames", 16);
  for (size_t i = 0; attributes != nullptr && i < attributes->size(); ++i) {
    const std::string element = fmt::format("AttributeNames[{}]", i);
    check.Text(Object{{element, (*attributes)[i]}}, place, element, 256, 1);
  }
  const Value* kind = source.Find("S3DataType");
  if (kind == nullptr || *kind != Value("AugmentedManifestFile")) return;
  if (mode != "Pipe") {
    check.Problem(place + ".S3DataType",
                  fmt::format("AugmentedManifestFile needs InputMode Pipe, found {}", mode));
  }
  if (attributes == nullptr || attributes->empty()) {
    check.Problem(place + ".AttributeNames",
                  "is missing: AugmentedManifestFile needs the attributes to stream");
  }
}

void CheckSource(const Object& channel, const std::string& place, std::string_view mode,
                 Checker& check) {
  const Object* data = check.Object(channel, place, "DataSource");
  const std::string path = place + ".DataSource";
  const Object* source = data != nullptr ? check.Object(*data, path, "S3DataSource") : nullptr;
  if (source == nullptr) {
    check.Problem(path + ".S3DataSource",
                  "is missing: name the data as {\"S3Uri\": \"s3://bucket/prefix\"} or "
                  "{\"S3Uri\": \"file:///folder\"}");
    return;
  }
  const std::string s3 = path + ".S3DataSource";
  check.OneOf(*source, s3, "S3DataType", {"S3Prefix", "ManifestFile", "AugmentedManifestFile"});
  check.OneOf(*source, s3, "S3DataDistributionType", {"FullyReplicated", "ShardedByS3Key"});
  CheckAttributes(*source, s3, mode, check);
  const std::string* uri = check.RequiredText(*source, s3, "S3Uri", 1024);
  if (uri != nullptr) CheckUri(*uri, s3 + ".S3Uri", check);
}

std::string DefaultMode(const Object& document) {
  const Value* algorithm = document.Find("AlgorithmSpecification");
  const Object* object = algorithm != nullptr ? algorithm->AsObject() : nullptr;
  const Value* mode = object != nullptr ? object->Find("TrainingInputMode") : nullptr;
  return mode != nullptr && mode->AsString() != nullptr ? *mode->AsString() : "File";
}

/// How the data is delivered: what has no effect outside Pipe mode is worth saying.
void CheckDelivery(const Object& channel, const std::string& place, std::string_view mode,
                   Checker& check) {
  const std::string* compression = check.OneOf(channel, place, "CompressionType", {"None", "Gzip"});
  check.OneOf(channel, place, "RecordWrapperType", {"None", "RecordIO"});
  if (compression != nullptr && *compression == "Gzip" && mode != "Pipe") {
    check.Warning(place + ".CompressionType",
                  fmt::format("Gzip is undone in Pipe mode only; in {} mode the files arrive as "
                              "they are",
                              mode));
  }
  if (const Object* shuffle = check.Object(channel, place, "ShuffleConfig")) {
    const std::string path = place + ".ShuffleConfig";
    const Value* seed = shuffle->Find("Seed");
    if (seed == nullptr) {
      check.Problem(path + ".Seed", "is missing");
    } else if (seed->AsInteger() == nullptr || seed->AsInteger()->digits.size() > 19) {
      check.Problem(path + ".Seed", "must be a whole number of 64 bits");
    }
  }
}

void CheckChannels(const Object& document, Checker& check) {
  const Array* channels = check.Array(document, "", "InputDataConfig", 20);
  if (channels == nullptr) return;
  std::set<std::string> names;
  const std::string default_mode = DefaultMode(document);
  check.EachObject(
      *channels, "InputDataConfig", [&](const Object& channel, const std::string& place) {
        if (const std::string* name = check.RequiredText(channel, place, "ChannelName", 64)) {
          // The pattern alone would let "." and ".." leave input/data.
          if (!RE2::FullMatch(*name, R"([A-Za-z0-9.\-_]+)") || *name == "." || *name == "..") {
            check.Problem(place + ".ChannelName",
                          fmt::format("\"{}\": may only hold letters, digits, '.', '-' and '_'",
                                      ToValidUtf8(*name)));
          }
          if (!names.insert(*name).second) {
            check.Problem(
                place + ".ChannelName",
                fmt::format("\"{}\" is the name of an earlier channel", ToValidUtf8(*name)));
          }
        }
        check.Text(channel, place, "ContentType", 256);
        const std::string* own =
            check.OneOf(channel, place, "InputMode", {"File", "FastFile", "Pipe"});
        const std::string mode = own != nullptr ? *own : default_mode;
        CheckDelivery(channel, place, mode, check);
        CheckSource(channel, place, mode, check);
      });
}

void CheckOutput(const Object& document, Checker& check) {
  const std::string path = "OutputDataConfig";
  const Object* output = check.Object(document, "", path);
  if (output == nullptr) return;
  const std::string* target = check.Text(*output, path, "S3OutputPath", 1024);
  if (target != nullptr && storage::IsS3(*target)) {
    CheckUri(*target, path + ".S3OutputPath", check);
  } else if (target != nullptr && !target->empty() && !target->starts_with("file://")) {
    check.Warning(path + ".S3OutputPath",
                  "has no effect here: what the job leaves stays on this machine");
  }
  check.OneOf(*output, path, "CompressionType", {"GZIP", "NONE"});
}

void CheckCheckpoints(const Object& document, Checker& check) {
  const std::string path = "CheckpointConfig";
  const Object* checkpoints = check.Object(document, "", path);
  if (checkpoints == nullptr) return;
  const std::string* uri = check.RequiredText(*checkpoints, path, "S3Uri", 1024);
  if (uri != nullptr) CheckUri(*uri, path + ".S3Uri", check);
  const std::string* place = check.Text(*checkpoints, path, "LocalPath", 4096);
  if (place == nullptr) return;
  const std::optional<std::string> normal = LocalPath(*place, "/");
  const contract::Layout layout = contract::Layout::Under(contract::kDefaultBase);
  bool taken = !place->starts_with('/') || !normal || !normal->starts_with(layout.base + "/");
  for (const std::string& used : {layout.input, layout.output, layout.model, layout.code}) {
    taken = taken || (normal && (*normal + "/").starts_with(used + "/"));
  }
  if (taken) {
    check.Problem(path + ".LocalPath",
                  fmt::format("\"{}\": must be a folder of its own below /opt/ml, as "
                              "/opt/ml/checkpoints is",
                              ToValidUtf8(*place)));
  }
}

void CheckEnvironment(const Object& document, Checker& check) {
  check.Pairs(document, "Environment", 100, 512, 512);
  const Value* environment = document.Find("Environment");
  if (environment == nullptr || environment->AsObject() == nullptr) return;
  for (const auto& [name, value] : *environment->AsObject()) {
    if (RE2::FullMatch(name, "[a-zA-Z_][a-zA-Z0-9_]*")) continue;
    check.Problem(fmt::format("Environment[\"{}\"]", ToValidUtf8(name, 64)),
                  "a variable's name may only hold letters, digits and '_', no digit first");
  }
}

/// What the container will run, and from where.
void CheckProgram(const Object& document, Checker& check) {
  const auto names_it = [&](std::string_view key, std::string_view member) {
    const Value* value = document.Find(key);
    return value != nullptr && value->AsObject() != nullptr && value->AsObject()->Contains(member);
  };
  if (!names_it("HyperParameters", "sagemaker_program") &&
      !names_it("Environment", "SAGEMAKER_PROGRAM") &&
      !names_it("Environment", "SAGEMAKER_TRAINING_MODULE") &&
      !names_it("AlgorithmSpecification", "ContainerEntrypoint")) {
    check.Problem("HyperParameters[\"sagemaker_program\"]",
                  "is missing: nothing says what to run (--entry-point FILE does)");
  }
}

/// Whatever becomes a path, a variable or an argument ends at a NUL: none may come in.
void CheckNoNul(const Value& value, const std::string& path, Checker& check) {
  if (const std::string* text = value.AsString()) {
    if (text->find('\0') != std::string::npos) check.Problem(path, "must not hold a NUL character");
  } else if (const Object* object = value.AsObject()) {
    for (const auto& [name, member] : *object) {
      if (name.find('\0') != std::string::npos) {
        check.Problem(path, "a name in it must not hold a NUL character");
      } else {
        CheckNoNul(member, Place(path, name), check);
      }
    }
  } else if (const Array* array = value.AsArray()) {
    for (size_t i = 0; i < array->size(); ++i) {
      CheckNoNul((*array)[i], fmt::format("{}[{}]", path, i), check);
    }
  }
}

}  // namespace

Findings Validate(const TrainingJobRequest& request) {
  const Object& document = request.document;
  Checker check;
  CheckMembers(document, check);
  CheckName(document, check);
  check.Pairs(document, "HyperParameters", 100, 256, 2500);
  CheckAlgorithm(document, check);
  CheckChannels(document, check);
  CheckOutput(document, check);
  CheckHosts(document, check);
  if (const Object* stopping = check.Object(document, "", "StoppingCondition")) {
    check.Number(*stopping, "StoppingCondition", "MaxRuntimeInSeconds", 1);
  }
  CheckCheckpoints(document, check);
  CheckEnvironment(document, check);
  CheckProgram(document, check);
  CheckNoNul(Value(document), "", check);
  return {std::move(check.problems), std::move(check.warnings)};
}

}  // namespace berth::platform
