#include "platform/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <ctime>
#include <filesystem>

#include "contract/layout.h"
#include "core/text.h"
#include "platform/assignments.h"
#include "platform/hosts.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;
using json::Array;
using json::Object;
using json::Value;

constexpr size_t kMaxNameLength = 63;

std::string Absolute(std::string_view path, const std::string& working_directory) {
  const fs::path whole = (fs::path(working_directory) / path).lexically_normal();
  std::string text = whole.string();
  if (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

/// The object (or array) at `key`, made where it is missing.
Result<Object*> ObjectAt(Object& parent, const std::string& key) {
  if (!parent.Contains(key)) parent.Set(key, Object());
  if (Object* object = parent.Find(key)->AsObject()) return object;
  return Fail(fmt::format("{}: must be an object, found {}", key, parent.Find(key)->TypeName()));
}

Result<Array*> ArrayAt(Object& parent, const std::string& key) {
  if (!parent.Contains(key)) parent.Set(key, Array());
  if (Array* array = parent.Find(key)->AsArray()) return array;
  return Fail(fmt::format("{}: must be an array, found {}", key, parent.Find(key)->TypeName()));
}

/// Replaces the element whose `key` member is `name`, or adds one.
void SetElement(Array& elements, std::string_view key, const std::string& name, Object element) {
  for (Value& old : elements) {
    const Object* object = old.AsObject();
    const Value* named = object != nullptr ? object->Find(key) : nullptr;
    if (named != nullptr && *named == Value(name)) {
      old = Value(std::move(element));
      return;
    }
  }
  elements.emplace_back(std::move(element));
}

Result<void> SetPairs(std::string_view flag, const std::vector<std::string>& texts,
                      const std::string& key, Object& document,
                      std::vector<std::string>& problems) {
  if (texts.empty()) return {};
  BERTH_ASSIGN(Object * pairs, ObjectAt(document, key));
  for (Assignment& pair : ParseAssignments(flag, "NAME=VALUE", texts, problems)) {
    pairs->Set(std::move(pair.name), std::move(pair.value));
  }
  return {};
}

Result<void> SetChannels(const std::vector<std::string>& texts,
                         const std::string& working_directory, Object& document,
                         std::vector<std::string>& problems) {
  if (texts.empty()) return {};
  BERTH_ASSIGN(Array * channels, ArrayAt(document, "InputDataConfig"));
  for (const Assignment& channel : ParseAssignments("--channel", "NAME=PATH", texts, problems)) {
    if (channel.value.empty()) {
      problems.push_back(fmt::format("--channel \"{}=\": expected NAME=PATH", channel.name));
    }
    const std::optional<std::string> path = LocalPath(channel.value, working_directory);
    // Another scheme stays as it is: Validate() says what is wrong with it.
    const std::string uri = path ? "file://" + *path : channel.value;
    Object source{
        {"S3DataType", "S3Prefix"}, {"S3Uri", uri}, {"S3DataDistributionType", "FullyReplicated"}};
    Object data_source{{"S3DataSource", std::move(source)}};
    SetElement(*channels, "ChannelName", channel.name,
               Object{{"ChannelName", channel.name}, {"DataSource", std::move(data_source)}});
  }
  return {};
}

Result<void> SetNumber(std::optional<long long> number, const std::string& key,
                       std::string_view member, Object& document) {
  if (!number) return {};
  BERTH_ASSIGN(Object * object, ObjectAt(document, key));
  object->Set(std::string(member), *number);
  return {};
}

Result<void> SetMetrics(const std::vector<std::string>& texts, Object& document,
                        std::vector<std::string>& problems) {
  if (texts.empty()) return {};
  BERTH_ASSIGN(Object * algorithm, ObjectAt(document, "AlgorithmSpecification"));
  BERTH_ASSIGN(Array * metrics, ArrayAt(*algorithm, "MetricDefinitions"));
  for (const Assignment& metric : ParseAssignments("--metric", "NAME=REGEX", texts, problems)) {
    SetElement(*metrics, "Name", metric.name,
               Object{{"Name", metric.name}, {"Regex", metric.value}});
  }
  return {};
}

Result<void> SetCode(const TrainingJobFlags& flags, const std::string& working_directory,
                     Object& document) {
  if (flags.source.empty() && flags.entry_point.empty()) return {};
  std::string source = flags.source;
  std::string program = flags.entry_point;
  BERTH_ASSIGN(Object * hyperparameters, ObjectAt(document, "HyperParameters"));
  if (source.empty() && hyperparameters->Contains("sagemaker_submit_directory")) {
    hyperparameters->Set("sagemaker_program", json::Dump(Value(program)));
    return {};
  }
  if (source.empty()) {
    source = flags.entry_point;
    program = fs::path(flags.entry_point).filename().string();
  }
  if (!source.starts_with("s3://")) {
    source = LocalPath(source, working_directory).value_or(source);
  }
  hyperparameters->Set("sagemaker_submit_directory", json::Dump(Value(source)));
  if (!program.empty()) hyperparameters->Set("sagemaker_program", json::Dump(Value(program)));
  return {};
}

const Value* Find(const Object& object, std::string_view key) {
  return object.Find(key);
}

const Object& ObjectIn(const Object& object, std::string_view key) {
  static const Object kNone;
  const Value* value = Find(object, key);
  return value != nullptr && value->AsObject() != nullptr ? *value->AsObject() : kNone;
}

const Array& ArrayIn(const Object& object, std::string_view key) {
  static const Array kNone;
  const Value* value = Find(object, key);
  return value != nullptr && value->AsArray() != nullptr ? *value->AsArray() : kNone;
}

std::string TextIn(const Object& object, std::string_view key, std::string_view otherwise = "") {
  const Value* value = Find(object, key);
  return value != nullptr && value->AsString() != nullptr ? *value->AsString()
                                                          : std::string(otherwise);
}

std::vector<std::string> TextsIn(const Object& object, std::string_view key) {
  std::vector<std::string> texts;
  for (const Value& text : ArrayIn(object, key)) {
    if (text.AsString() != nullptr) texts.push_back(*text.AsString());
  }
  return texts;
}

/// A hyperparameter as the container reads it: the JSON string in it, else the text itself.
std::string DecodedHyperparameter(const Object& document, std::string_view key) {
  const std::string text = TextIn(ObjectIn(document, "HyperParameters"), key);
  const Result<Value> decoded = json::Parse(text);
  return decoded && decoded->AsString() != nullptr ? *decoded->AsString() : text;
}

std::map<std::string, std::string> PairsIn(const Object& document, std::string_view key) {
  std::map<std::string, std::string> pairs;
  for (const auto& [name, value] : ObjectIn(document, key)) {
    if (value.AsString() != nullptr) pairs[name] = *value.AsString();
  }
  return pairs;
}

/// A number that Validate() has seen, or nothing.
std::optional<long long> NumberIn(const Object& object, std::string_view key) {
  const Value* value = Find(object, key);
  if (value == nullptr || value->AsInteger() == nullptr) return std::nullopt;
  const std::string& digits = value->AsInteger()->digits;
  long long number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

Channel ReadChannel(const Object& about, const std::string& default_mode,
                    const std::string& working_directory) {
  const Object& source = ObjectIn(ObjectIn(about, "DataSource"), "S3DataSource");
  Channel channel{.name = TextIn(about, "ChannelName"),
                  .uri = TextIn(source, "S3Uri"),
                  .data_type = TextIn(source, "S3DataType", "S3Prefix"),
                  .content_type = TextIn(about, "ContentType"),
                  .input_mode = TextIn(about, "InputMode", default_mode),
                  .distribution = TextIn(source, "S3DataDistributionType", "FullyReplicated"),
                  .record_wrapper = TextIn(about, "RecordWrapperType", "None"),
                  .compression = TextIn(about, "CompressionType", "None")};
  if (channel.input_mode != "Pipe" && channel.data_type == "S3Prefix") {
    channel.path = LocalPath(channel.uri, working_directory).value_or("");
  }
  channel.seed = NumberIn(ObjectIn(about, "ShuffleConfig"), "Seed");
  channel.attributes = TextsIn(source, "AttributeNames");
  channel.groups = TextsIn(source, "InstanceGroupNames");
  return channel;
}

std::vector<HostGroup> ReadGroups(const Object& resources) {
  const auto read = [](const Object& about) {
    HostGroup group;
    group.name = TextIn(about, "InstanceGroupName", group.name);
    group.instance_type = TextIn(about, "InstanceType", group.instance_type);
    group.count = static_cast<size_t>(NumberIn(about, "InstanceCount").value_or(1));
    return group;
  };
  std::vector<HostGroup> groups;
  for (const Value& group : ArrayIn(resources, "InstanceGroups")) {
    groups.push_back(read(*group.AsObject()));
  }
  if (groups.empty()) groups.push_back(read(resources));
  return groups;
}

}  // namespace

Result<TrainingJobRequest> ParseTrainingJobRequest(std::string_view text) {
  BERTH_ASSIGN(Value value, json::Parse(text));
  if (Object* document = value.AsObject()) return TrainingJobRequest{std::move(*document)};
  return Fail(
      fmt::format("expected an object as CreateTrainingJob takes it, found {}", value.TypeName()));
}

std::vector<std::string> ApplyFlags(const TrainingJobFlags& flags,
                                    const std::string& working_directory,
                                    TrainingJobRequest& request) {
  Object& document = request.document;
  std::vector<std::string> problems;
  const auto note = [&problems](const Result<void>& done) {
    if (!done) problems.push_back(done.error().message());
  };
  if (!flags.name.empty()) document.Set("TrainingJobName", flags.name);
  note(SetPairs("--hyperparameter", flags.hyperparameters, "HyperParameters", document, problems));
  note(SetCode(flags, working_directory, document));
  note(SetMetrics(flags.metrics, document, problems));
  note(SetChannels(flags.channels, working_directory, document, problems));
  note(SetPairs("--env", flags.environment, "Environment", document, problems));
  note(SetNumber(flags.max_runtime, "StoppingCondition", "MaxRuntimeInSeconds", document));
  note(SetNumber(flags.instance_count, "ResourceConfig", "InstanceCount", document));
  if (flags.instance_count &&
      !ArrayIn(ObjectIn(document, "ResourceConfig"), "InstanceGroups").empty()) {
    problems.emplace_back(
        "--instance-count: the request has ResourceConfig.InstanceGroups, which "
        "say how many hosts there are");
  }
  return problems;
}

void NameIfNameless(std::chrono::system_clock::time_point now, TrainingJobRequest& request) {
  if (request.document.Contains("TrainingJobName")) return;
  const std::string program = DecodedHyperparameter(request.document, "sagemaker_program");
  std::string stem;
  for (const char c : fs::path(program).stem().string()) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    // The platform's pattern: letters and digits, with '-' only between them.
    if (plain || (!stem.empty() && stem.back() != '-')) stem += plain ? c : '-';
  }
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const std::time_t seconds = milliseconds / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  const std::string time =
      fmt::format("-{:04}-{:02}-{:02}-{:02}-{:02}-{:02}-{:03}", utc.tm_year + 1900, utc.tm_mon + 1,
                  utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, milliseconds % 1000);
  stem.resize(std::min(stem.size(), kMaxNameLength - time.size()));
  while (!stem.empty() && stem.back() == '-') stem.pop_back();
  request.document.Set("TrainingJobName", (stem.empty() ? "berth" : stem) + time);
}

void ResolveSubmitDirectory(const std::string& working_directory, TrainingJobRequest& request) {
  const std::string source = DecodedHyperparameter(request.document, "sagemaker_submit_directory");
  const std::optional<std::string> path = LocalPath(source, working_directory);
  if (source.empty() || !path || source.starts_with('/')) return;
  request.document.Find("HyperParameters")
      ->AsObject()
      ->Set("sagemaker_submit_directory", json::Dump(Value(*path)));
}

TrainingJob ReadTrainingJob(const TrainingJobRequest& request,
                            const std::string& working_directory) {
  const Object& document = request.document;
  const Object& algorithm = ObjectIn(document, "AlgorithmSpecification");
  const Object& resources = ObjectIn(document, "ResourceConfig");
  const Object& checkpoints = ObjectIn(document, "CheckpointConfig");

  TrainingJob job;
  job.name = TextIn(document, "TrainingJobName");
  job.hyperparameters = PairsIn(document, "HyperParameters");
  job.environment = PairsIn(document, "Environment");
  job.submit_directory = DecodedHyperparameter(document, "sagemaker_submit_directory");
  job.s3_output = DecodedHyperparameter(document, "sagemaker_s3_output");

  job.groups = ReadGroups(resources);
  job.hosts = HostsOf(job.groups);
  const std::string mode = TextIn(algorithm, "TrainingInputMode", "File");
  for (const Value& about : ArrayIn(document, "InputDataConfig")) {
    Channel channel = ReadChannel(*about.AsObject(), mode, working_directory);
    channel.sharded =
        channel.distribution == "ShardedByS3Key" && HostsWith(channel, job).size() > 1;
    job.channels.push_back(std::move(channel));
  }
  for (const Value& metric : ArrayIn(algorithm, "MetricDefinitions")) {
    job.metrics.push_back(
        {TextIn(*metric.AsObject(), "Name"), TextIn(*metric.AsObject(), "Regex")});
  }
  for (const std::string_view part : {"ContainerEntrypoint", "ContainerArguments"}) {
    for (const Value& word : ArrayIn(algorithm, part)) job.command.push_back(*word.AsString());
  }

  job.checkpoint_uri = TextIn(checkpoints, "S3Uri");
  if (!job.checkpoint_uri.empty()) {
    job.checkpoint_path = LocalPath(job.checkpoint_uri, working_directory).value_or("");
  }
  const std::string place = Absolute(TextIn(checkpoints, "LocalPath", "/opt/ml/checkpoints"), "/");
  job.checkpoint_place = place.substr(contract::kDefaultBase.size() + 1);

  if (const auto limit = NumberIn(ObjectIn(document, "StoppingCondition"), "MaxRuntimeInSeconds")) {
    job.max_runtime = std::chrono::seconds(*limit);
  }
  const Object& output = ObjectIn(document, "OutputDataConfig");
  job.output_uri = TextIn(output, "S3OutputPath");
  if (job.output_uri.starts_with("file://")) {
    job.output_path = LocalPath(job.output_uri, working_directory).value_or("");
  }
  job.plain_model = TextIn(output, "CompressionType") == "NONE";
  return job;
}

std::optional<std::string> LocalPath(std::string_view uri, const std::string& working_directory) {
  constexpr std::string_view kFile = "file://";
  if (uri.starts_with(kFile)) {
    uri.remove_prefix(kFile.size());
  } else if (uri.find("://") != std::string_view::npos) {
    return std::nullopt;
  }
  return Absolute(uri, working_directory);
}

}  // namespace berth::platform
