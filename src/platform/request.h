// A CreateTrainingJob request: its JSON, flags merged over it, and what this platform reads in it.
//
// The JSON document is the one description of a job: flags change it, Validate() (validate.h)
// judges it, job.json repeats it. Members that this platform does not use stay in it. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/json.h"

namespace berth::platform {

/// CreateTrainingJob's request as it is on the wire.
struct TrainingJobRequest {
  json::Object document;
};

/// The flags of `berth local train`, as they were typed. They win over the document.
struct TrainingJobFlags {
  std::string source{};                        // --source DIR (or a .tar.gz)
  std::string entry_point{};                   // --entry-point FILE
  std::vector<std::string> channels{};         // --channel NAME=PATH
  std::vector<std::string> hyperparameters{};  // --hyperparameter K=V
  std::vector<std::string> environment{};      // --env K=V
  std::vector<std::string> metrics{};          // --metric NAME=REGEX
  std::optional<long long> max_runtime{};      // --max-runtime SECONDS
  std::optional<long long> instance_count{};   // --instance-count N
  std::string name{};                          // --name N
};

/// The error names line and column, or says that it is not an object.
[[nodiscard]] Result<TrainingJobRequest> ParseTrainingJobRequest(std::string_view text);

/// Puts the flags into the document. A channel, hyperparameter, variable or metric replaces the
/// document's of that name. Relative paths are below `working_directory`. --source and
/// --entry-point become sagemaker_submit_directory and sagemaker_program, JSON-encoded as the SDK
/// does; an entry point is looked for in the document's own source, or without one is the file
/// itself. Returns all that is wrong with the flags, a line each: one without '=', a name given
/// twice, a member of the document of a shape that cannot be merged with, --instance-count where
/// the document has instance groups.
[[nodiscard]] std::vector<std::string> ApplyFlags(const TrainingJobFlags& flags,
                                                  const std::string& working_directory,
                                                  TrainingJobRequest& request);

/// Names a nameless request "<entry point's stem, else berth>-YYYY-MM-DD-HH-MM-SS-mmm" (UTC), cut
/// to the platform's 63 characters.
void NameIfNameless(std::chrono::system_clock::time_point now, TrainingJobRequest& request);

/// A group of equal hosts.
struct HostGroup {
  std::string name = "homogeneousCluster";
  std::string instance_type = "local";
  size_t count = 1;
};

struct Host {
  /// From 1. Numbers go through the groups in their order.
  size_t number = 1;
  std::string name = "algo-1";
  size_t group = 0;  // of TrainingJob::groups
};

struct Channel {
  std::string name{};
  /// S3DataSource.S3Uri as it is given.
  std::string uri{};
  std::string data_type{};  // S3Prefix, ManifestFile, AugmentedManifestFile
  /// On this machine, absolute: a directory, or one file that becomes the channel's only one.
  /// Empty where the data is not simply there: in S3, named by a manifest, or a stream.
  std::string path{};
  std::string content_type{};  // empty where not given
  std::string input_mode{};    // File, FastFile, Pipe
  std::string distribution{};
  /// The instance groups that get it; empty: all.
  std::vector<std::string> groups{};
  /// ShardedByS3Key, and several hosts get it: each a part.
  bool sharded = false;
  std::string record_wrapper{};
  std::string compression{};              // None, Gzip
  std::optional<uint64_t> seed{};         // of ShuffleConfig
  std::vector<std::string> attributes{};  // of an AugmentedManifestFile
};

struct MetricDefinition {
  std::string name{};
  std::string regex{};
};

/// What this platform reads in a valid request.
struct TrainingJob {
  std::string name{};
  std::map<std::string, std::string> hyperparameters{};
  std::map<std::string, std::string> environment{};
  std::vector<Channel> channels{};
  std::vector<MetricDefinition> metrics{};
  /// ContainerEntrypoint and ContainerArguments; empty: `train`.
  std::vector<std::string> command{};
  /// ResourceConfig, as one group where it names none.
  std::vector<HostGroup> groups{HostGroup()};
  /// In the order in which the platform lists them (HostsOf()).
  std::vector<Host> hosts{Host()};
  /// CheckpointConfig: the address as it is given, the directory on this machine (empty: in the
  /// job's own directory), and its place below /opt/ml ("checkpoints").
  std::string checkpoint_uri{};
  std::string checkpoint_path{};
  std::string checkpoint_place{};
  std::optional<std::chrono::seconds> max_runtime{};
  /// OutputDataConfig.S3OutputPath as it is given; the directory where it is a file:// one.
  std::string output_uri{};
  std::string output_path{};
  /// OutputDataConfig.CompressionType is NONE: the model's files stay as they are.
  bool plain_model = false;
  /// sagemaker_submit_directory as the container will read it, else empty.
  std::string submit_directory{};
  /// sagemaker_s3_output likewise.
  std::string s3_output{};
};

/// A relative sagemaker_submit_directory begins at the working directory, like every other path of
/// a request: the container, which works elsewhere, gets it as an absolute one.
void ResolveSubmitDirectory(const std::string& working_directory, TrainingJobRequest& request);

/// Must only be given what Validate() found no problem in.
TrainingJob ReadTrainingJob(const TrainingJobRequest& request,
                            const std::string& working_directory);

/// The path that a "file:///x", "file://x" or plain path means; nothing for another scheme.
std::optional<std::string> LocalPath(std::string_view uri, const std::string& working_directory);

}  // namespace berth::platform
