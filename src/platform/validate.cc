#include "platform/validate.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <set>

#include "contract/layout.h"
#include "core/text.h"
#include "platform/checker.h"
#include "platform/metrics.h"

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
  const std::string* mode =
      check.OneOf(*algorithm, path, "TrainingInputMode", {"File", "FastFile", "Pipe"});
  if (mode != nullptr && *mode == "Pipe") {
    check.Problem(path + ".TrainingInputMode", "Pipe mode comes in a later version; use File");
  }
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

void CheckSource(const Object& channel, const std::string& place, Checker& check) {
  const Object* data = check.Object(channel, place, "DataSource");
  const std::string path = place + ".DataSource";
  const Object* source = data != nullptr ? check.Object(*data, path, "S3DataSource") : nullptr;
  if (source == nullptr) {
    check.Problem(path + ".S3DataSource",
                  "is missing: name a folder as {\"S3Uri\": \"file:///folder\"}");
    return;
  }
  const std::string s3 = path + ".S3DataSource";
  const std::string* kind =
      check.OneOf(*source, s3, "S3DataType", {"S3Prefix", "ManifestFile", "AugmentedManifestFile"});
  if (kind != nullptr && *kind != "S3Prefix") {
    check.Problem(s3 + ".S3DataType", *kind + " comes with S3 in the next version");
  }
  check.OneOf(*source, s3, "S3DataDistributionType", {"FullyReplicated", "ShardedByS3Key"});
  const std::string* uri = check.RequiredText(*source, s3, "S3Uri", 1024);
  if (uri == nullptr || LocalPath(*uri, "/")) return;
  check.Problem(s3 + ".S3Uri",
                uri->starts_with("s3://")
                    ? fmt::format("\"{}\": S3 comes in the next version; until then name a folder "
                                  "of this machine (file:///folder)",
                                  ToValidUtf8(*uri))
                    : fmt::format("\"{}\": must be a folder of this machine (file:///folder)",
                                  ToValidUtf8(*uri)));
}

void CheckChannels(const Object& document, Checker& check) {
  const Array* channels = check.Array(document, "", "InputDataConfig", 20);
  if (channels == nullptr) return;
  std::set<std::string> names;
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
        check.OneOf(channel, place, "CompressionType", {"None", "Gzip"});
        check.OneOf(channel, place, "RecordWrapperType", {"None", "RecordIO"});
        const std::string* mode =
            check.OneOf(channel, place, "InputMode", {"File", "FastFile", "Pipe"});
        if (mode != nullptr && *mode == "Pipe") {
          check.Problem(place + ".InputMode", "Pipe mode comes in a later version; use File");
        }
        CheckSource(channel, place, check);
      });
}

void CheckCount(const Object& parent, const std::string& path, Checker& check) {
  const std::optional<long long> count = check.Number(parent, path, "InstanceCount", 0);
  if (count && *count != 1) {
    check.Problem(
        path + ".InstanceCount",
        fmt::format("must be 1, found {}: several hosts come in a later version", *count));
  }
}

void CheckResources(const Object& document, Checker& check) {
  const std::string path = "ResourceConfig";
  const Object* resources = check.Object(document, "", path);
  if (resources == nullptr) return;
  check.Text(*resources, path, "InstanceType", 64, 1);
  check.Number(*resources, path, "VolumeSizeInGB", 0);
  CheckCount(*resources, path, check);
  const Array* groups = check.Array(*resources, path, "InstanceGroups", 5);
  if (groups == nullptr) return;
  if (groups->size() > 1) {
    check.Problem(path + ".InstanceGroups",
                  fmt::format("must be one group, found {}: several hosts come in a later version",
                              groups->size()));
  }
  check.EachObject(*groups, path + ".InstanceGroups",
                   [&](const Object& group, const std::string& place) {
                     check.Text(group, place, "InstanceType", 64, 1);
                     check.RequiredText(group, place, "InstanceGroupName", 64);
                     CheckCount(group, place, check);
                   });
}

void CheckOutput(const Object& document, Checker& check) {
  const std::string path = "OutputDataConfig";
  const Object* output = check.Object(document, "", path);
  if (output == nullptr) return;
  const std::string* target = check.Text(*output, path, "S3OutputPath", 1024);
  if (target != nullptr && !target->empty() && !target->starts_with("file://")) {
    check.Warning(path + ".S3OutputPath",
                  "has no effect here: what the job leaves stays on this machine");
  }
  const std::string* compression = check.OneOf(*output, path, "CompressionType", {"GZIP", "NONE"});
  if (compression != nullptr && *compression == "NONE") {
    check.Problem(path + ".CompressionType", "NONE comes in a later version; use GZIP");
  }
}

void CheckCheckpoints(const Object& document, Checker& check) {
  const std::string path = "CheckpointConfig";
  const Object* checkpoints = check.Object(document, "", path);
  if (checkpoints == nullptr) return;
  const std::string* uri = check.RequiredText(*checkpoints, path, "S3Uri", 1024);
  if (uri != nullptr && !LocalPath(*uri, "/")) {
    check.Problem(path + ".S3Uri",
                  fmt::format("\"{}\": S3 comes in the next version; until then name a folder of "
                              "this machine (file:///folder)",
                              ToValidUtf8(*uri)));
  }
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
  if (!names_it("HyperParameters", "sagemaker_submit_directory")) return;
  const Value* source =
      document.Find("HyperParameters")->AsObject()->Find("sagemaker_submit_directory");
  const std::string* text = source->AsString();
  if (text == nullptr || !(text->starts_with("s3://") || text->starts_with("\"s3://"))) return;
  check.Problem("HyperParameters[\"sagemaker_submit_directory\"]",
                fmt::format("{}: S3 comes in the next version; until then name a folder of this "
                            "machine",
                            ToValidUtf8(*text)));
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
  CheckResources(document, check);
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
